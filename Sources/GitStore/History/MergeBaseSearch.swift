import CLibgit2

/// The search for the best common ancestor of two commits.
///
/// libgit2's own search reads every commit without a limit on the bytes that it unpacks.
struct MergeBaseSearch {
  private let handle: RepositoryHandle
  /// The commits whose parents a shallow clone lacks.
  private let boundary: Set<ObjectID>
  /// The commits that were read.
  private var commits: [ObjectID: CommitQueue.Item] = [:]

  init(in handle: RepositoryHandle) {
    self.handle = handle
    boundary = handle.isShallow ? Self.boundary(handle.commonFolder + "shallow") : []
  }

  private static func boundary(_ path: String) -> Set<ObjectID> {
    Set((FileText.read(path) ?? "").split(separator: "\n").compactMap { ObjectID(hex: String($0)) })
  }

  /// The newest of the best common ancestors; nil if the histories are unrelated.
  ///
  /// - Throws: `GitError`: as `RepositoryHandle.read`; `.shallow` if the answer may be in the part of the history that a
  ///   shallow clone lacks.
  mutating func newest(_ one: ObjectID, _ other: ObjectID) throws(GitError) -> ObjectID? {
    let marked = try mark(one, [other])
    // If one is an ancestor of the other, it is the only best one.
    for commit in [one, other] where marked.best.contains(where: { $0.id == commit }) { return commit }
    if marked.isCut {
      throw GitError(
        .shallow, "the history in \(handle.gitFolder) is cut short, it is a shallow clone",
        hint: "fetch the whole history: `git fetch --unshallow`, or full depth in CI")
    }
    return try withoutRedundant(marked.best).max { $0.time < $1.time }?.id
  }

  /// The commits that are no ancestors of another one of them. The order of commit times may have hidden that.
  private mutating func withoutRedundant(_ best: [CommitQueue.Item]) throws(GitError) -> [CommitQueue.Item] {
    guard best.count > 1 else { return best }
    var kept = best
    for item in best {
      let others = kept.map(\.id).filter { $0 != item.id }
      if others.isEmpty { break }
      if try mark(item.id, others, isRepeated: true).best.contains(where: { $0.id == item.id }) {
        kept.removeAll { $0.id == item.id }
      }
    }
    return kept
  }

  /// Marks each ancestor with the sides that reach it, the one commit or the others, newest first as git does. Stops
  /// when all common ancestors are found.
  ///
  /// - Parameter isRepeated: whether each commit counts towards the budget again, although it may have been read
  ///   before.
  private mutating func mark(
    _ one: ObjectID, _ others: [ObjectID], isRepeated: Bool = false
  ) throws(GitError) -> CommitMarking {
    var marking = CommitMarking()
    var waiting: [(id: ObjectID, marks: CommitMarking.Marks)] = [(one, .one)] + others.map { ($0, .other) }
    while true {
      for (id, marks) in waiting where marking.isNew(id, marks) {
        if isRepeated { try handle.budget.take(DeltaChain.step) }
        marking.reach(try item(id), marks)
      }
      guard let next = marking.next(boundary) else { return marking }
      waiting = next.item.parents.map { ($0, next.marks) }
    }
  }

  private mutating func item(_ id: ObjectID) throws(GitError) -> CommitQueue.Item {
    if let known = commits[id] { return known }
    let commit = try handle.commit(id)
    let item = CommitQueue.Item(
      time: commit.committer.seconds, id: id, parents: boundary.contains(id) ? [] : commit.parents)
    commits[id] = item
    return item
  }
}

/// Records from which sides commits were reached.
struct CommitMarking {
  private var marks: [ObjectID: Marks] = [:]
  private var queue = CommitQueue()
  private var found: [CommitQueue.Item] = []
  /// The number of queued commits that are not stale.
  private var fresh = 0
  /// Whether a shallow clone lacks the parents of a commit that is no common ancestor.
  private(set) var isCut = false

  struct Marks: OptionSet {
    var rawValue: UInt8
    static let one = Marks(rawValue: 1)
    static let other = Marks(rawValue: 2)
    static let both: Marks = [.one, .other]
    /// Reached from a common ancestor, so there is a better one.
    static let stale = Marks(rawValue: 4)
    static let found = Marks(rawValue: 8)
    static let queued = Marks(rawValue: 16)
  }

  /// The common ancestors that are no ancestors of another one, as far as the order of commit times shows it.
  var best: [CommitQueue.Item] { found.filter { marks[$0.id]?.contains(.stale) != true } }

  /// Whether a commit was not reached from these sides yet.
  func isNew(_ id: ObjectID, _ new: Marks) -> Bool { !(marks[id] ?? []).isSuperset(of: new) }

  mutating func reach(_ item: CommitQueue.Item, _ new: Marks) {
    let old = marks[item.id] ?? []
    let now = old.union(new)
    marks[item.id] = now.union(.queued)
    if old.contains(.queued) {
      if now.contains(.stale), !old.contains(.stale) { fresh -= 1 }
      return
    }
    if !now.contains(.stale) { fresh += 1 }
    queue.push(item)
  }

  /// The next commit, and the marks for its parents; nil if all common ancestors are found.
  mutating func next(_ boundary: Set<ObjectID>) -> (item: CommitQueue.Item, marks: Marks)? {
    guard fresh > 0, let next = queue.pop() else { return nil }
    var reached = (marks[next.id] ?? []).subtracting(.queued)
    marks[next.id] = reached
    if !reached.contains(.stale) { fresh -= 1 }
    if reached.isSuperset(of: .both) {
      if !reached.contains(.stale) {
        if !reached.contains(.found) { found.append(next) }
        marks[next.id] = reached.union(.found)
        reached.insert(.stale)
      }
    } else if boundary.contains(next.id) {
      isCut = true
    }
    return (next, reached.subtracting(.found))
  }
}

/// A priority queue of commits, the newest first.
struct CommitQueue {
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
