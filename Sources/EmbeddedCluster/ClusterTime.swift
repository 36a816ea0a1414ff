import FoundationEssentials

/// The clock for the embedded cluster's timestamps, delays and backoffs.
public struct ClusterTime: Sendable {
  /// The time since 1970-01-01T00:00:00Z.
  public var now: @Sendable () -> Duration
  /// Waits until that time since 1970. Throws when the task is cancelled.
  public var sleep: @Sendable (_ until: Duration) async throws -> Void

  public init(
    now: @escaping @Sendable () -> Duration,
    sleep: @escaping @Sendable (_ until: Duration) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  /// The system's wall clock.
  public static let system = ClusterTime(
    now: { .seconds(Date().timeIntervalSince1970) },
    sleep: { until in
      try await ContinuousClock().sleep(for: until - .seconds(Date().timeIntervalSince1970))
    })

  /// Takes the time from another clock, such as a test's clock.
  /// - Parameter start: the time since 1970 that the clock's current instant stands for.
  public init<C: Clock>(_ clock: C, startingAt start: Duration) where C.Duration == Duration {
    let origin = clock.now
    self.init(
      now: { start + origin.duration(to: clock.now) },
      sleep: { until in try await clock.sleep(until: origin.advanced(by: until - start), tolerance: nil) })
  }
}

extension Duration {
  /// Whole seconds, rounded down.
  var wholeSeconds: Int { Int(components.seconds) }
}
