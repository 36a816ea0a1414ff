/// What is still to be told, the newest of each commit, the newest commit first. Where there are too many commits, as
/// after a push of a thousand, the oldest are left out: nobody looks at theirs any more.
struct ForgeQueue {
  static let limit = 64

  private struct Entry {
    var state: CommitState
    /// When the commit was made, and of several at that time which came last.
    var age: (time: Int64, number: Int)
  }

  /// The newest commit last.
  private var entries: [Entry] = []
  private var number = 0

  var first: CommitState? { entries.last?.state }
  var isEmpty: Bool { entries.isEmpty }
  var count: Int { entries.count }

  /// - Parameter time: when the commit was made, in seconds since 1970. It says in which order, and nothing else.
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

  /// Takes a state out, unless a newer one has taken its place.
  mutating func remove(_ state: CommitState) { entries.removeAll { $0.state == state } }
}
