import Values

/// The delays between retries of a call, and their limits.
struct RetryPolicy: Sendable {
  /// Measured from the first attempt.
  var window: Duration
  var tries = 10
  var backoff = Backoff(first: .milliseconds(200), limit: .seconds(3))

  /// - Parameters:
  ///   - tries: the number of attempts so far.
  ///   - elapsed: the time since the first attempt began.
  ///   - retryAfter: the delay that the server asked for.
  ///   - random: from 0 up to 1. The whole delay is random (full jitter), so that clients that failed together
  ///     do not retry together.
  /// - Returns: nil to give up.
  func wait(afterTries tries: Int, elapsed: Duration, retryAfter: Duration?, random: Double) -> Duration? {
    guard tries < self.tries else { return nil }
    let wait = (retryAfter ?? .zero) + backoff.longest(attempt: tries - 1) * random
    return elapsed + wait < window ? wait : nil
  }
}
