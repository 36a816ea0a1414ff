import ServiceLifecycle

/// A background service of the daemon that runs until the daemon stops. Services stop in the reverse order of their
/// start.
public struct BackgroundService: Service, CustomStringConvertible {
  let name: String
  /// True if the service handles a graceful shutdown itself; the others are cancelled.
  let endsByItself: Bool
  let atEnd: @Sendable () async -> Void
  let work: @Sendable () async throws -> Void

  /// The service's name.
  public var description: String { name }

  /// - Parameters:
  ///   - endsByItself: true if the service handles a graceful shutdown itself.
  ///   - atEnd: runs last, however the service ends.
  ///   - work: runs until it is cancelled.
  public init(
    _ name: String, endsByItself: Bool = false, atEnd: @escaping @Sendable () async -> Void = {},
    work: @escaping @Sendable () async throws -> Void
  ) {
    self.name = name
    self.endsByItself = endsByItself
    self.atEnd = atEnd
    self.work = work
  }

  /// Runs the service until it is stopped.
  public func run() async throws {
    if endsByItself {
      try await work()
    } else {
      try await cancelWhenGracefulShutdown { try await work() }
    }
    await atEnd()
  }
}
