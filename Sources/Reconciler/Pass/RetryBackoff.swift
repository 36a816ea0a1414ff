import Values

/// Retries with increasing delays. Only one retry is pending at a time, however many reconcile passes run in between.
struct RetryBackoff {
  private var due: Int?
  private var number = 0
  private var failures = 0
  private let backoff: Backoff

  /// - Parameter longest: the longest delay.
  init(longest: Duration = .seconds(30)) { backoff = Backoff(first: .milliseconds(500), limit: longest) }

  /// Schedules a retry if one is needed.
  ///
  /// - Returns: the next retry and its delay; nil if none is needed, or one is pending already.
  mutating func next(_ isNeeded: Bool) -> (number: Int, wait: Duration)? {
    guard isNeeded else {
      (due, failures) = (nil, 0)
      return nil
    }
    guard due == nil else { return nil }
    number += 1
    due = number
    defer { failures += 1 }
    return (number, backoff.longest(attempt: failures))
  }

  /// Marks the delay of a retry as over.
  mutating func begin(_ number: Int) {
    if due == number { due = nil }
  }
}
