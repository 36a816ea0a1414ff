import Glibc
import NIOCore
import NIOPosix
import TestSupport

/// A TCP proxy between a daemon and its server on this machine, with faults. It passes bytes unchanged, TLS
/// included, until it cuts the connection.
actor FaultyProxy {
  /// The permanent faults of the proxy.
  struct Faults: Sendable {
    /// The age at which a connection is cut.
    var age: ClosedRange<Duration>?
    /// The share of connections that are cut in mid-stream, and after how many bytes from the server.
    var midStream: (share: Double, bytes: ClosedRange<Int>)?
    /// Checks each request before it is forwarded; each connection then has one request.
    var refusingProxy: RefusingProxy?

    static let none = Faults()
  }

  typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

  nonisolated let port: Int
  nonisolated let seededFaults: SeededFaults
  nonisolated let faults: Faults
  private let server: Int
  private let group: any EventLoopGroup
  private let clock = ContinuousClock()

  private var listener: (any Channel)?
  private var connections: [ObjectIdentifier: any Channel] = [:]
  private var away: ContinuousClock.Instant?
  private var silent: ContinuousClock.Instant?
  /// The number of connections, and how many of them were cut for their age or in mid-stream.
  private(set) var count = 0
  private(set) var cuts = 0

  private init(_ first: Listener, port: Int, to server: Int, _ faults: Faults, _ seededFaults: SeededFaults) {
    (self.port, self.server, self.faults, self.seededFaults) = (port, server, faults, seededFaults)
    listener = first.channel
    group = first.channel.eventLoop
  }

  /// Opens a proxy for as long as the body runs.
  ///
  /// - Parameter server: its port on 127.0.0.1.
  static func lead<Result: Sendable>(
    to server: Int, _ faults: Faults, seed: UInt64, _ body: @Sendable (FaultyProxy) async throws -> Result
  ) async throws -> Result {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let outcome: Swift.Result<Result, any Error>
    do {
      let seededFaults = SeededFaults(seed: seed)
      let (first, port) = try await open(group)
      let line = FaultyProxy(first, port: port, to: server, faults, seededFaults)
      outcome = .success(
        try await withThrowingTaskGroup(of: Void.self) { tasks in
          tasks.addTask { try await line.serve(first) }
          defer { tasks.cancelAll() }
          return try await body(line)
        })
    } catch {
      outcome = .failure(error)
    }
    try await group.shutdownGracefully()
    return try outcome.get()
  }

  // MARK: Faults

  /// Behaves as if the server had ended: open connections are cut, and new ones are refused during this time.
  func stop(for time: Duration) async {
    away = clock.now + time
    try? await listener?.close()
    for channel in connections.values { await Self.reset(channel) }
  }

  /// Behaves as if the server hung: it accepts connections and sends nothing, on the open ones either.
  func fallSilent(for time: Duration) { silent = clock.now + time }

  /// Returns once the silence is over.
  func calm() async throws {
    while let end = silent, clock.now < end { try await clock.sleep(until: end) }
  }

  // MARK: Connections

  typealias Listener = NIOAsyncChannel<Connection, Never>

  private static func listen(_ group: any EventLoopGroup, port: Int) async throws -> Listener {
    try await ServerBootstrap(group: group)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .bind(host: "127.0.0.1", port: port) { channel in
        channel.eventLoop.makeCompletedFuture { try Self.wrapped(channel) }
      }
  }

  /// Below the range of ephemeral ports, so that the same port is free again after the proxy was closed.
  private static func open(_ group: any EventLoopGroup) async throws -> (Listener, Int) {
    for _ in 0..<50 {
      let port = Int.random(in: 20_000..<32_000)
      if let listener = try? await listen(group, port: port) { return (listener, port) }
    }
    throw ToolError("there is no free port for a proxy")
  }

  private func serve(_ first: Listener) async throws {
    try await withThrowingDiscardingTaskGroup { tasks in
      var next: Listener? = first
      while true {
        if let listener = next {
          // Ends when `stop` closes it.
          try? await listener.executeThenClose { arrivals in
            for try await connection in arrivals { tasks.addTask { await self.carry(connection) } }
          }
        }
        try await clock.sleep(until: max(away ?? .now, .now + .milliseconds(50)))
        next = try? await Self.listen(group, port: port)
        listener = next?.channel
      }
    }
  }

  private func carry(_ client: Connection) async {
    count += 1
    let wasCut = await ProxiedConnection(line: self).carry(client) { [group, server] in
      try await ClientBootstrap(group: group)
        .channelOption(.allowRemoteHalfClosure, value: true)
        .connect(host: "127.0.0.1", port: server) { channel in
          channel.eventLoop.makeCompletedFuture { try Self.wrapped(channel) }
        }
    }
    if wasCut { cuts += 1 }
  }

  func add(_ channel: any Channel) { connections[ObjectIdentifier(channel)] = channel }
  func remove(_ channel: any Channel) { connections[ObjectIdentifier(channel)] = nil }

  private static func wrapped(_ channel: any Channel) throws -> Connection {
    try Connection(
      wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
  }

  /// Resets a connection without an orderly close.
  static func reset(_ channel: any Channel) async {
    let abrupt = linger(l_onoff: 1, l_linger: 0)
    try? await (channel as? any SocketOptionProvider)?.setSoLinger(abrupt).get()
    try? await channel.close()
  }
}
