import Diagnostics
import GitStore
import Rules
import Values

/// Two revisions of a repository, and the difference between them.
public struct Comparison: Sendable {
  /// Nil before the first commit.
  public private(set) var base: (side: Revision, commit: ObjectID)?
  public let head: Revision
  /// The changes that the judge examines. Nil if the layouts have different places, so that it examines
  /// everything.
  public private(set) var changes: Changes?
  /// The facts that were used instead of reading; nil if everything was read.
  private var facts: TreeFacts?

  /// Creates a comparison without a base: everything in the head is new.
  public init(head: Revision) { self.init(base: nil, head: head) }

  private init(
    base: (side: Revision, commit: ObjectID)?, head: Revision, changes: Changes? = nil,
    facts: TreeFacts? = nil
  ) {
    (self.base, self.head, self.changes, self.facts) = (base, head, changes, facts)
  }

  /// Whether the stored facts are damaged or could not answer a question. If so, every conclusion drawn from this
  /// comparison is invalid.
  public var hasUnusableFacts: Bool { facts?.hasFailed ?? false }

  /// Removes the facts that were used.
  public func forgetFacts(in store: FactStore?) {
    if let facts { store?.forget(.tree(facts.layout)) }
  }

  /// The revision that is judged.
  public enum Head: Sendable {
    case commit(ObjectID)
    case index
  }

  /// - Parameters:
  ///   - store: The store of facts about trees. With nil, everything is read.
  /// - Throws: `GitError` if a revision cannot be read. A tree that exceeds the limits or is not a tree does not throw:
  ///   it becomes a finding of its revision, which is then unusable.
  public static func read(
    base: ObjectID?, head: Head, in repository: GitRepository, _ store: FactStore?
  ) async throws -> Comparison {
    do {
      return try await compare(base: base, head: head, in: repository, store)
    } catch let error as GitError {
      guard let finding = Diagnostic(unreadable: error) else { throw error }
      // Find out which side is unreadable. A commit that fixes an unreadable base must not be refused.
      guard let side = try await readable(head, in: repository) else {
        return Comparison(head: .unreadable(finding))
      }
      return Comparison(base: base.map { (.unreadable(finding), $0) }, head: side)
    }
  }

  /// Returns nil if the tree exceeds the limits or is not a tree.
  private static func readable(_ head: Head, in repository: GitRepository) async throws -> Revision? {
    do {
      return try await side(of: head, in: repository)
    } catch let error as GitError {
      guard Diagnostic(unreadable: error) != nil else { throw error }
      return nil
    }
  }

  private static func compare(
    base: ObjectID?, head: Head, in repository: GitRepository, _ store: FactStore?
  ) async throws -> Comparison {
    let after = try await layout(of: head, in: repository)
    guard let base else { return Comparison(head: try await side(of: head, after, in: repository)) }
    let before = try await layout(of: .commit(base), in: repository)
    let isComparable =
      isUsable(before) && isUsable(after) && before.layout.hasSamePlaces(as: after.layout)
    guard isComparable else {
      let side = try await side(of: .commit(base), before, in: repository)
      return Comparison(base: (side, base), head: try await self.side(of: head, after, in: repository))
    }
    let (known, facts) = try await TreeReading(layout: before, repository: repository, store: store)
      .side(of: try await repository.treeID(of: base))
    let differences = try await differences(from: base, to: head, after.layout, in: repository)
    let texts = try await texts(of: head, since: base, differences, after.layout, in: repository)
    let (side, changes) = try await known.changed(by: differences, after, texts: texts, in: repository)
    return Comparison(base: (known, base), head: side, changes: changes, facts: facts)
  }

  private static func isUsable(_ found: FoundLayout) -> Bool {
    !found.findings.contains { $0.severity == .error }
  }

  private static func differences(
    from base: ObjectID, to head: Head, _ layout: RepositoryLayout, in repository: GitRepository
  ) async throws -> [TreeChange] {
    switch head {
    case .commit(let head): try await repository.diff(base: base, head: head, try layout.selection())
    case .index: try await repository.stagedChanges(since: base, try layout.selection())
    }
  }

  private static func texts(
    of head: Head, since base: ObjectID, _ differences: [TreeChange], _ layout: RepositoryLayout,
    in repository: GitRepository
  ) async throws -> FileContents {
    let selection = try layout.selection()
    switch head {
    case .commit(let head):
      return FileContents(repository.reader, tree: try await repository.treeID(of: head), selection)
    case .index:
      let files = differences.map { (ExactString($0.path), $0.new.flatMap { $0.isFile ? $0.id : nil }) }
      return FileContents(
        repository.reader, tree: try await repository.treeID(of: base), selection,
        but: Dictionary(files, uniquingKeysWith: { $1 ?? $0 }))
    }
  }

  // MARK: One side

  /// Reads a revision completely.
  public static func side(of head: Head, in repository: GitRepository) async throws -> Revision {
    try await side(of: head, try await layout(of: head, in: repository), in: repository)
  }

  private static func side(
    of head: Head, _ found: FoundLayout, in repository: GitRepository
  ) async throws -> Revision {
    // With an unusable layout the other files are not read; its own file is, for the lines of its findings.
    let selection =
      isUsable(found)
      ? try found.layout.selection() : try PathSelection(patterns: [RepositoryLayout.path])
    switch head {
    case .commit(let commit):
      return try await Revision.read(
        try await repository.tree(at: commit, selection), found,
        texts: FileContents(repository.reader, tree: try await repository.treeID(of: commit), selection),
        in: repository)
    case .index:
      let entries = try await repository.stagedTree(selection)
      let files = Dictionary(
        entries.filter(\.isFile).map { (ExactString($0.path), $0.id) },
        uniquingKeysWith: { first, _ in first })
      return try await Revision.read(
        entries, found, texts: FileContents(repository.reader, tree: nil, selection, but: files),
        in: repository)
    }
  }

  private static func layout(of head: Head, in repository: GitRepository) async throws -> FoundLayout {
    let entry: TreeEntry?
    switch head {
    case .commit(let commit): entry = try await repository.entry(at: RepositoryLayout.path, in: commit)
    case .index:
      let place = try PathSelection(patterns: [RepositoryLayout.path])
      entry = try await repository.stagedChanges(since: nil, place).compactMap(\.new).first
    }
    return try await RepositoryLayout.read(entry, in: repository)
  }
}
