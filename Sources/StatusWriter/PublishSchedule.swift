import GitStore

/// Decides when to publish: first news at once, later news at most once an interval, failures ever more
/// slowly. A plain value; time is passed in, as what has gone by since some start.
struct PublishSchedule {
  /// Between the end of one publication and the begin of the next.
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
    // While the other side fails, news does not make us knock any faster.
    if now >= earliest || (urgent && failures == 0) { return .now }
    return .at(earliest)
  }

  /// - Parameter urgent: the first verdict of a commit.
  mutating func want(urgent: Bool) {
    wanted = true
    self.urgent = self.urgent || urgent
  }

  /// Everything wanted so far is being published.
  mutating func begin() {
    wanted = false
    urgent = false
  }

  mutating func succeed(_ now: Duration) {
    failures = 0
    earliest = now + interval
  }

  /// - Parameter random: 0 up to 1, spreads the next try.
  mutating func fail(_ now: Duration, random: Double) {
    earliest = now + backoff.delay(attempt: failures, random: random)
    failures += 1
    wanted = true
  }
}
