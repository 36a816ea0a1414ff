/// How long a call waits before it is tried again, and when it stops being tried.
struct RetryPolicy: Sendable {
  /// From the first try on.
  var window: Duration
  var tries = 10
  var first = Duration.milliseconds(200)
  var longest = Duration.seconds(3)

  /// - Parameters:
  ///   - tries: how many there have been.
  ///   - elapsed: since the first began.
  ///   - retryAfter: what the server asked for.
  ///   - random: from 0 up to 1. The whole wait is drawn (full jitter), so that clients that failed together do not
  ///     come back together.
  /// - Returns: nil to give up.
  func wait(afterTries tries: Int, elapsed: Duration, retryAfter: Duration?, random: Double) -> Duration? {
    guard tries < self.tries else { return nil }
    let ceiling = min(longest, first * (1 << min(tries - 1, 10)))
    let wait = (retryAfter ?? .zero) + ceiling * random
    return elapsed + wait < window ? wait : nil
  }
}
