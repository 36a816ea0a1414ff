import FoundationEssentials

/// The clock by which the embedded cluster stamps its objects and waits for delays and backoffs.
public struct ClusterTime: Sendable {
  /// The time since 1970-01-01T00:00:00Z.
  public var now: @Sendable () -> Duration
  /// Waits until that time since 1970; throws when the task is cancelled.
  public var sleep: @Sendable (_ until: Duration) async throws -> Void

  public init(
    now: @escaping @Sendable () -> Duration,
    sleep: @escaping @Sendable (_ until: Duration) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  /// The clock on the wall.
  public static let system = ClusterTime(
    now: { .seconds(Date().timeIntervalSince1970) },
    sleep: { until in
      try await ContinuousClock().sleep(for: until - .seconds(Date().timeIntervalSince1970))
    })

  /// Time as another clock tells it, a test's clock for example.
  /// - Parameter start: what that clock's present is called, since 1970.
  public init<C: Clock>(_ clock: C, startingAt start: Duration) where C.Duration == Duration {
    let origin = clock.now
    self.init(
      now: { start + origin.duration(to: clock.now) },
      sleep: { until in try await clock.sleep(until: origin.advanced(by: until - start), tolerance: nil) })
  }
}

extension Duration {
  /// Whole seconds, cut off.
  var wholeSeconds: Int { Int(components.seconds) }
}
