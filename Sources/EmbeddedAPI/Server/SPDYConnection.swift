import NIOCore
import NIOHTTP1

/// Accepts the upgrade of a connection to SPDY for a command.
struct SPDYUpgrader: NIOTypedHTTPServerProtocolUpgrader {
  /// The command of a request; nil if none can be run for it.
  let call: @Sendable (HTTPRequestHead) -> ExecCall?

  let supportedProtocol = SPDYSession.name
  let requiredUpgradeHeaders: [String] = []

  /// The field in which client and server agree on the protocol on the streams.
  private static let versionField = "X-Stream-Protocol-Version"

  func buildUpgradeResponse(
    channel: any Channel, upgradeRequest: HTTPRequestHead, initialResponseHeaders: HTTPHeaders
  ) -> EventLoopFuture<HTTPHeaders> {
    let offered = upgradeRequest.headers[canonicalForm: Self.versionField].map { String($0) }
    guard call(upgradeRequest) != nil, offered.contains(SPDYSession.version) else {
      return channel.eventLoop.makeFailedFuture(EmbeddedAPIError(message: "the request cannot be upgraded"))
    }
    var fields = initialResponseHeaders
    fields.add(name: Self.versionField, value: SPDYSession.version)
    return channel.eventLoop.makeSucceededFuture(fields)
  }

  func upgrade(
    channel: any Channel, upgradeRequest: HTTPRequestHead
  ) -> EventLoopFuture<HTTPSListener.Connection> {
    channel.eventLoop.makeCompletedFuture { () throws -> HTTPSListener.Connection in
      guard let call = call(upgradeRequest) else { throw EmbeddedAPIError(message: "no command") }
      return .streams(try HTTPSListener.StreamsChannel(wrappingChannelSynchronously: channel), call)
    }
  }
}

/// Runs one command for a client, over SPDY.
struct SPDYConnection: Sendable {
  let handler: APIHandler
  let call: ExecCall

  private typealias Writer = NIOAsyncChannelOutboundWriter<ByteBuffer>

  func serve(_ connection: HTTPSListener.StreamsChannel) async throws {
    let channel = connection.channel
    try await connection.executeThenClose { inbound, outbound in
      var parts = inbound.makeAsyncIterator()
      var session = SPDYSession(call)
      while !session.isReady {
        guard let part = try await parts.next() else { return }
        do throws(APIFailure) {
          let answers = try session.receive(part.readableBytesView)
          if !answers.isEmpty { try await Self.send(answers, outbound) }
        } catch {
          return try await Self.finish(session, [ExecMessage.message(of: error)], outbound)
        }
      }
      let ready = session
      await withTaskGroup(of: Void.self) { group in
        group.addTask {
          do {
            try await Self.finish(ready, await handler.run(call, stdin: ready.stdin), outbound)
            try await Task.sleep(for: ExecConnection.closingTime)
          } catch {
            // The client has disconnected.
          }
          channel.close(promise: nil)
        }
        // Ends when the client disconnects; the command is then cancelled. Pings are answered meanwhile.
        while let part = try? await parts.next(), let answers = try? session.receive(part.readableBytesView) {
          if !answers.isEmpty { try? await outbound.write(ByteBuffer(bytes: answers)) }
        }
        group.cancelAll()
      }
    }
  }

  private static func send(_ bytes: [UInt8], _ outbound: Writer) async throws(APIFailure) {
    do { try await outbound.write(ByteBuffer(bytes: bytes)) } catch { throw .badRequest("disconnected") }
  }

  private static func finish(_ session: SPDYSession, _ messages: [[UInt8]], _ outbound: Writer) async throws {
    for frame in messages.compactMap(session.frame) { try await outbound.write(ByteBuffer(bytes: frame)) }
    try await outbound.write(ByteBuffer(bytes: session.end))
  }
}
