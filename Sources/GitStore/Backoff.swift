/// How long to wait before trying again: doubling, capped, and spread so that many waiters do not come back
/// at once.
public struct Backoff: Sendable, Hashable {
  /// The longest first wait.
  public var first: Duration
  /// The longest wait of all.
  public var limit: Duration

  public init(first: Duration = .seconds(1), limit: Duration = .seconds(300)) {
    self.first = first
    self.limit = limit
  }

  /// The wait before a try.
  ///
  /// - Parameters:
  ///   - attempt: 0 for the first try again.
  ///   - random: 0 up to 1. The wait is between half and the whole of what doubling gives, so it never
  ///     vanishes.
  public func delay(attempt: Int, random: Double) -> Duration {
    var whole = first
    for _ in 0..<max(0, min(attempt, 62)) where whole < limit { whole *= 2 }
    if whole > limit { whole = limit }
    return whole * (0.5 + 0.5 * min(1, max(0, random)))
  }

  /// The wait before a try, with the system's randomness.
  public func delay(attempt: Int) -> Duration { delay(attempt: attempt, random: .random(in: 0..<1)) }
}
