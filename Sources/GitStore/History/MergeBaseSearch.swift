import CLibgit2

/// The search for the best common ancestors of two commits.
///
/// libgit2's own search reads every commit itself, whatever it takes to unpack it.
struct MergeBaseSearch {
  private let handle: RepositoryHandle
  private var marks: [ObjectID: Marks] = [:]
  private var queue = CommitQueue()
  private var found: [CommitQueue.Item] = []
  /// How many queued commits are not stale.
  private var fresh = 0

  /// From which side a commit was reached.
  private struct Marks: OptionSet {
    var rawValue: UInt8
    static let one = Marks(rawValue: 1)
    static let other = Marks(rawValue: 2)
    static let both: Marks = [.one, .other]
    /// Reached from a common ancestor, so there is a better one.
    static let stale = Marks(rawValue: 4)
    static let found = Marks(rawValue: 8)
    static let queued = Marks(rawValue: 16)
  }

  /// Searches in the order of commit times, as git does.
  ///
  /// - Throws: `GitError`: as `RepositoryHandle.read`.
  init(_ one: ObjectID, _ other: ObjectID, in handle: RepositoryHandle) throws(GitError) {
    self.handle = handle
    try reach(one, .one)
    try reach(other, .other)
    while fresh > 0, let next = queue.pop() {
      var reached = (marks[next.id] ?? []).subtracting(.queued)
      marks[next.id] = reached
      if !reached.contains(.stale) { fresh -= 1 }
      if reached.isSuperset(of: .both), !reached.contains(.stale) {
        if !reached.contains(.found) { found.append(next) }
        marks[next.id] = reached.union(.found)
        reached.insert(.stale)
      }
      for parent in next.parents { try reach(parent, reached.subtracting(.found)) }
    }
  }

  private mutating func reach(_ id: ObjectID, _ new: Marks) throws(GitError) {
    let old = marks[id] ?? []
    guard !old.isSuperset(of: new) else { return }
    let now = old.union(new)
    marks[id] = now.union(.queued)
    if old.contains(.queued) {
      if now.contains(.stale), !old.contains(.stale) { fresh -= 1 }
      return
    }
    if !now.contains(.stale) { fresh += 1 }
    let commit = try handle.commit(id)
    queue.push(CommitQueue.Item(time: commit.committer.seconds, id: id, parents: commit.parents))
  }

  /// The common ancestors that are no ancestors of another one, as far as the order of commit times shows it.
  private var best: [CommitQueue.Item] { found.filter { marks[$0.id]?.contains(.stale) != true } }

  /// Whether a commit is one of them.
  func contains(_ id: ObjectID) -> Bool { best.contains { $0.id == id } }

  /// The newest of them.
  var newest: ObjectID? { best.max { $0.time < $1.time }?.id }
}

/// Commits by time, the newest first.
private struct CommitQueue {
  struct Item {
    let time: Int64
    let id: ObjectID
    let parents: [ObjectID]
  }

  /// A heap: no item is older than the two at twice its position plus 1 and 2.
  private var items: [Item] = []

  mutating func push(_ item: Item) {
    var place = items.count
    items.append(item)
    while place > 0, items[(place - 1) / 2].time < item.time {
      items.swapAt(place, (place - 1) / 2)
      place = (place - 1) / 2
    }
  }

  mutating func pop() -> Item? {
    guard let last = items.popLast() else { return nil }
    guard let first = items.first else { return last }
    items[0] = last
    var place = 0
    while true {
      var newest = place
      for child in [2 * place + 1, 2 * place + 2] where child < items.count {
        if items[child].time > items[newest].time { newest = child }
      }
      if newest == place { return first }
      items.swapAt(place, newest)
      place = newest
    }
  }
}
