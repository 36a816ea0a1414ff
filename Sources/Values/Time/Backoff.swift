/// Exponential backoff with a cap and jitter. The jitter keeps many clients from retrying at the same time.
public struct Backoff: Sendable, Hashable {
  /// The longest delay before the first retry.
  public var first: Duration
  /// The longest delay of any retry.
  public var limit: Duration

  public init(first: Duration = .seconds(1), limit: Duration = .seconds(300)) {
    self.first = first
    self.limit = limit
  }

  /// The delay before a retry.
  ///
  /// - Parameters:
  ///   - attempt: 0 for the first retry.
  ///   - random: 0 up to 1. The delay is between half and all of the doubled value, so it is never zero.
  public func delay(attempt: Int, random: Double) -> Duration {
    longest(attempt: attempt) * (0.5 + 0.5 * min(1, max(0, random)))
  }

  /// The longest delay before a retry: doubled with each attempt, up to the limit.
  ///
  /// - Parameter attempt: 0 for the first retry.
  public func longest(attempt: Int) -> Duration {
    var whole = first
    for _ in 0..<max(0, min(attempt, 62)) where whole < limit { whole *= 2 }
    return min(whole, limit)
  }

  /// The delay before a retry, with the system's random number generator.
  public func delay(attempt: Int) -> Duration { delay(attempt: attempt, random: .random(in: 0..<1)) }
}
