import Values

/// Decides when to publish: a first verdict at once, later updates at most once per interval, failures with
/// backoff. A plain value; the caller passes the time, as elapsed time since a fixed start.
struct PublishSchedule {
  /// The time between the end of one publication and the start of the next.
  let interval: Duration
  let backoff: Backoff

  private var wanted = false
  private var urgent = false
  private var earliest = Duration.zero
  private var failures = 0

  init(interval: Duration, backoff: Backoff) {
    self.interval = interval
    self.backoff = backoff
  }

  enum Due: Hashable {
    /// Nothing to do.
    case idle
    case now
    case at(Duration)
  }

  func due(_ now: Duration) -> Due {
    guard wanted else { return .idle }
    // While publishing fails, an urgent update does not bypass the backoff.
    if now >= earliest || (urgent && failures == 0) { return .now }
    return .at(earliest)
  }

  /// - Parameter urgent: true for the first verdict of a commit.
  mutating func want(urgent: Bool) {
    wanted = true
    self.urgent = self.urgent || urgent
  }

  /// Marks all pending updates as being published.
  mutating func begin() {
    wanted = false
    urgent = false
  }

  mutating func succeed(_ now: Duration) {
    failures = 0
    earliest = now + interval
  }

  /// - Parameter random: 0 up to 1; the jitter of the next retry.
  mutating func fail(_ now: Duration, random: Double) {
    earliest = now + backoff.delay(attempt: failures, random: random)
    failures += 1
    wanted = true
  }
}
