/// A commit that a user waits for and that the clone does not have: decides from the daemon's heads whether it may still
/// come.
struct UnknownCommit {
  enum Result: Hashable {
    /// The commit is not on the daemon's branch.
    case failed(String)
    /// The commit may still become known; with the event that is waited for, for users.
    case pending(String)
  }

  private let id: String
  /// The daemon's last fetch, and how often it has fetched since the first observation.
  private var fetches: (last: Int?, count: Int)?

  init(_ id: String) { self.id = id }

  /// Takes one observation. It fails after two fetches, because the head that is observed with the first one may be older.
  ///
  /// - Parameters:
  ///   - head: the head of the daemon; nil if it is unknown or being applied.
  ///   - isOutside: whether the head cannot contain the commit; nil if that is unknown.
  ///   - fetched: when the daemon last fetched; only compared for equality.
  mutating func evaluate(head: String?, isOutside: Bool?, fetched: Int?) -> Result {
    let before = fetches ?? (last: fetched, count: 0)
    let count = before.last == fetched ? before.count : before.count + 1
    fetches = (last: fetched, count: count)
    let commit = "commit \(id.prefix(12))"
    guard let head else { return .pending("waits until the daemon has applied a head with \(commit)") }
    guard isOutside == true else {
      return .pending(
        "waits until the daemon's head, now \(head.prefix(7)), is \(commit) itself: a later one is recognized only in a "
          + "clone that has the commit; name one with --repo, or run git fetch and wait again")
    }
    guard count >= 2 else {
      return .pending(
        "waits until the daemon fetches \(commit), which is not in the history of its head \(head.prefix(7))")
    }
    return .failed(
      "\(commit) is not in the history of the daemon's head \(head.prefix(7)), also after two fetches: check the id, or "
        + "push the commit and wait again")
  }
}
