import Values

/// When the next write is tried after failed ones, such as on a full disk.
struct WriteBackoff: Sendable {
  private enum State {
    case writing
    /// Nothing is written until then, in time since 1970.
    case waiting(until: Duration, failures: Int, reason: String)
    /// The wait has ended, and no write has succeeded or failed since.
    case trying(failures: Int)
  }

  private static let delays = Backoff(first: .seconds(1), limit: .seconds(30))
  private var state = State.writing

  /// The end of the wait, in time since 1970.
  var deadline: Duration? {
    if case .waiting(let deadline, _, _) = state { deadline } else { nil }
  }

  /// The last failure, if nothing may be written now because of it.
  func refusal(at now: Duration) -> String? {
    guard case .waiting(let deadline, _, let reason) = state, Self.isBefore(deadline, now) else { return nil }
    return reason
  }

  /// Ends a wait whose time is over.
  /// - Returns: whether it ended now.
  mutating func resume(at now: Duration) -> Bool {
    guard case .waiting(let deadline, let failures, _) = state, !Self.isBefore(deadline, now) else {
      return false
    }
    state = .trying(failures: failures)
    return true
  }

  /// - Returns: the time until the next write.
  mutating func failed(_ reason: String, at now: Duration) -> Duration {
    let failures =
      switch state {
      case .writing: 0
      case .waiting(_, let failures, _), .trying(let failures): failures
      }
    let delay = Self.delays.longest(attempt: failures)
    state = .waiting(until: now + delay, failures: failures + 1, reason: reason)
    return delay
  }

  mutating func succeeded() { state = .writing }

  /// False as well if the clock was set back after the wait began.
  private static func isBefore(_ deadline: Duration, _ now: Duration) -> Bool {
    now < deadline && deadline - now <= delays.limit
  }
}
