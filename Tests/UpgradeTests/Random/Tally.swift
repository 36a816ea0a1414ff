/// The totals over many runs.
struct Tally {
  var runs = 0
  /// The seeds of runs with a violation.
  var broken: [UInt64] = []
  var events: [String: Int] = [:]
  var steps = 0
  var writes = 0
  var refusals = 0
  var scripts = 0
  var upgrades = 0
  var upgradesEnded = 0
  var rollbacks = 0
  var rollbacksEnded = 0
  /// By reason. A run may have several.
  var stalls: [String: Int] = [:]
  /// The states in which runs settled.
  var ends: [String: Int] = [:]
  /// The numbers of pod claims that depended on other roles or on budgets, by the reason.
  var claims: [String: Int] = [:]
  /// Pending notifications of members and upgrades, by event.
  var words: [String: Int] = [:]
  /// The state of the pods that were deleted.
  var deletedPods: [String: Int] = [:]

  mutating func add(_ other: Tally) {
    runs += other.runs
    broken += other.broken
    steps += other.steps
    writes += other.writes
    refusals += other.refusals
    scripts += other.scripts
    upgrades += other.upgrades
    upgradesEnded += other.upgradesEnded
    rollbacks += other.rollbacks
    rollbacksEnded += other.rollbacksEnded
    events.merge(other.events, uniquingKeysWith: +)
    stalls.merge(other.stalls, uniquingKeysWith: +)
    ends.merge(other.ends, uniquingKeysWith: +)
    claims.merge(other.claims, uniquingKeysWith: +)
    words.merge(other.words, uniquingKeysWith: +)
    deletedPods.merge(other.deletedPods, uniquingKeysWith: +)
  }

  var summary: String {
    """
    random orders: \(runs) runs, \(events.values.reduce(0, +)) events, \(steps) steps, \(writes) writes of a status
      upgrades begun \(upgrades), ended \(upgradesEnded); rollbacks begun \(rollbacks), ended \(rollbacksEnded)
      scripts run \(scripts), writes refused \(refusals)
      stalls \(Self.words(stalls))
      ends \(Self.words(ends))
      claims \(Self.words(claims))
      pending \(Self.words(words))
      pods deleted \(Self.words(deletedPods))
      events \(Self.words(events))
    """
  }

  private static func words(_ counts: [String: Int]) -> String {
    counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
  }
}
