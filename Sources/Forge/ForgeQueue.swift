/// The states to send: the newest state of each commit, the newest commit first. If there are too many
/// commits, as after a push of a thousand, the oldest are dropped: their status is no longer of interest.
struct ForgeQueue {
  static let limit = 64

  private struct Entry {
    var state: CommitState
    /// The commit's time, and a number that orders commits with the same time by arrival.
    var age: (time: Int64, number: Int)
  }

  /// Ordered by age; the newest commit is last.
  private var entries: [Entry] = []
  private var number = 0

  var first: CommitState? { entries.last?.state }
  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }

  /// - Parameter time: the commit's time, in seconds since 1970. Used only for the order.
  mutating func put(_ state: CommitState, of time: Int64) {
    if let index = entries.firstIndex(where: { $0.state.commit == state.commit }) {
      entries[index].state = state
      return
    }
    number += 1
    let entry = Entry(state: state, age: (time, number))
    entries.insert(entry, at: entries.firstIndex { $0.age > entry.age } ?? entries.endIndex)
    if entries.count > Self.limit { entries.removeFirst() }
  }

  /// Removes a state, unless a newer one has replaced it.
  mutating func remove(_ state: CommitState) { entries.removeAll { $0.state == state } }
}
