import NIOCore
import NIOWebSocket

/// Runs one command for a client, over a WebSocket.
struct ExecConnection: Sendable {
  let handler: APIHandler
  let call: ExecCall

  private typealias Writer = NIOAsyncChannelOutboundWriter<WebSocketFrame>

  /// The time in which a client closes the connection after the end of the command.
  static let closingTime = Duration.seconds(5)

  func serve(_ connection: HTTPSListener.SocketChannel) async throws {
    let channel = connection.channel
    try await connection.executeThenClose { inbound, outbound in
      var frames = inbound.makeAsyncIterator()
      var input = ExecInput()
      while call.hasStdin, !input.isClosed {
        guard let frame = try await frames.next(), frame.opcode != .connectionClose else { return }
        let message = await Self.message(frame, outbound)
        do throws(APIFailure) {
          try input.take(message)
        } catch {
          return try await Self.send([ExecMessage.message(of: error)], outbound)
        }
      }
      let stdin = input.bytes
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          do {
            try await Self.send(await handler.run(call, stdin: stdin), outbound)
            try await Task.sleep(for: Self.closingTime)
          } catch {
            // The client has disconnected.
          }
          channel.close(promise: nil)
        }
        // Ends when the client disconnects; the command is then cancelled.
        while let frame = try? await frames.next(), frame.opcode != .connectionClose {
          _ = await Self.message(frame, outbound)
        }
        group.cancelAll()
      }
    }
  }

  /// The bytes of a message; empty for a control frame, which is answered.
  private static func message(_ frame: WebSocketFrame, _ outbound: Writer) async -> [UInt8] {
    let data = frame.unmaskedData
    switch frame.opcode {
    case .binary, .text: return Array(data.readableBytesView)
    case .ping:
      try? await outbound.write(WebSocketFrame(fin: true, opcode: .pong, data: data))
      return []
    default: return []
    }
  }

  private static func send(_ messages: [[UInt8]], _ outbound: Writer) async throws {
    for message in messages {
      try await outbound.write(
        WebSocketFrame(fin: true, opcode: .binary, data: ByteBuffer(bytes: message)))
    }
    // Status 1000: the normal end.
    try await outbound.write(
      WebSocketFrame(fin: true, opcode: .connectionClose, data: ByteBuffer(bytes: [3, 232])))
  }
}
