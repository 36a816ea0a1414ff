import Glibc
import NIOCore
import NIOPosix
import Synchronization
import Values

/// The Unix domain socket through which commands reach the daemon of an embedded cluster, which is the cluster's only
/// writer. A request is one line of JSON, and so is the answer. A user who can open the socket has all rights of the
/// daemon's user.
public enum ControlSocket {
  /// The maximum length of a line, in bytes.
  static let lineLimit = 16 << 10
  /// How long a client may take to send its request.
  static let requestTimeout = TimeAmount.seconds(10)

  /// Answers requests until the task is cancelled.
  ///
  /// - Throws: `ControlError` if the socket cannot be created.
  public static func serve(
    below cluster: String, _ answer: @escaping @Sendable (ControlRequest) async -> ControlAnswer
  ) async throws {
    let folder = try ControlFolder(below: cluster, making: true)
    let server: NIOAsyncChannel<AcceptedConnection, Never>
    do {
      server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .serverChannelOption(.backlog, value: 16)
        .bind(unixDomainSocketPath: folder.socket, cleanupExistingSocketFile: true) { channel in
          channel.eventLoop.makeCompletedFuture {
            let idle = IdleStateHandler(readTimeout: requestTimeout)
            try channel.pipeline.syncOperations.addHandlers([idle, CloseWhenIdle()])
            return AcceptedConnection(try NIOAsyncChannel(wrappingChannelSynchronously: channel))
          }
        }
    } catch {
      throw ControlError("\(folder.path)/socket cannot be made: \(error)")
    }
    folder.close(folder.socket)
    defer { folder.remove() }
    try await server.executeThenClose { connections in
      try await withThrowingDiscardingTaskGroup { group in
        for try await connection in connections {
          group.addTask { try? await converse(connection.take(), answer) }
        }
      }
    }
  }

  private static func converse(
    _ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>,
    _ answer: @Sendable (ControlRequest) async -> ControlAnswer
  ) async throws {
    try await connection.executeThenClose { lines, out in
      guard let line = try await line(of: lines) else { return }
      let request = (try? JSON.parse(line)).flatMap(ControlRequest.init)
      let said =
        if let request { await answer(request) } else {
          ControlAnswer(.failed, "this daemon does not understand the command; use a kdops of its version")
        }
      try await out.write(ByteBuffer(string: said.json.text() + "\n"))
    }
  }

  /// Sends a request to the daemon.
  ///
  /// - Throws: `ControlError` if no daemon runs or it does not answer.
  public static func ask(_ request: ControlRequest, below cluster: String) async throws -> ControlAnswer {
    let folder = try ControlFolder(below: cluster, making: false)
    let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
    do {
      channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connect(unixDomainSocketPath: folder.socket) { channel in
          channel.eventLoop.makeCompletedFuture {
            // Longer than any command takes, because a missing answer is worse than a late one.
            let idle = IdleStateHandler(readTimeout: .seconds(30))
            try channel.pipeline.syncOperations.addHandlers([idle, CloseWhenIdle()])
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
          }
        }
    } catch {
      let isNotRunning = (error as? IOError).map { [ECONNREFUSED, ENOENT].contains($0.errnoCode) } ?? false
      throw isNotRunning
        ? .notRunning(cluster) : ControlError("\(folder.path)/socket cannot be reached: \(error)")
    }
    let answer = try await channel.executeThenClose { lines, out in
      try await out.write(ByteBuffer(string: request.json.text() + "\n"))
      return try await line(of: lines).flatMap { try? JSON.parse($0) }.flatMap(ControlAnswer.init)
    }
    guard let answer else {
      throw ControlError(
        "the daemon on \(cluster) did not answer; its log says why, and asking again is safe")
    }
    return answer
  }

  /// Whether a daemon serves the socket of a folder. It sends no request, so a busy daemon does not need to answer.
  ///
  /// - Throws: `ControlError` if the socket cannot be checked.
  static func isServed(in folder: ControlFolder) async throws(ControlError) -> Bool {
    do {
      let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        .connectTimeout(.seconds(2))
        .connect(unixDomainSocketPath: folder.socket).get()
      try? await channel.close()
      return true
    } catch {
      if let error = error as? IOError, [ECONNREFUSED, ENOENT].contains(error.errnoCode) { return false }
      throw ControlError("\(folder.path)/socket cannot be reached: \(error)")
    }
  }

  /// The first line; nil if it is too long or incomplete.
  private static func line(of chunks: NIOAsyncChannelInboundStream<ByteBuffer>) async throws -> [UInt8]? {
    var line: [UInt8] = []
    for try await chunk in chunks {
      let bytes = Array(chunk.readableBytesView)
      if let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
        line += bytes[..<end]
        return line.count <= lineLimit ? line : nil
      }
      line += bytes
      guard line.count <= lineLimit else { return nil }
    }
    return nil
  }
}

/// A connection that the listener has accepted. NIO traps if a channel is released that was never executed, as happens to
/// one that is still in the listener's buffer when the listener is cancelled; such a connection is closed here.
private final class AcceptedConnection: Sendable {
  private let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
  private let isTaken = Mutex(false)

  init(_ channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>) { self.channel = channel }

  /// The channel; the caller must execute and close it.
  func take() -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
    isTaken.withLock { $0 = true }
    return channel
  }

  deinit {
    guard !isTaken.withLock({ $0 }) else { return }
    Task { [channel] in try? await channel.executeThenClose { _, _ in } }
  }
}

/// Closes a connection that is idle.
private final class CloseWhenIdle: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is IdleStateHandler.IdleStateEvent else {
      return context.fireUserInboundEventTriggered(event)
    }
    context.close(promise: nil)
  }
}
