import Diagnostics
import GitStore
import Rules

/// Reads a tree. Uses the stored facts about this tree or a similar one, if there are any; else reads all
/// files.
struct TreeReading {
  let layout: FoundLayout
  let repository: GitRepository
  /// The store of facts. If nil, all files are read and no facts are stored.
  let store: FactStore?

  /// The maximum number of files that may differ from the known tree. Beyond it, all files are read and new facts are
  /// stored, because reading the differing files again would cost a few hundredths of a second each time.
  private static let differenceLimit = 500

  /// Reads the revision of a tree.
  ///
  /// - Returns: The revision, and the facts that were used instead of reading; nil facts if everything was read.
  func side(of tree: ObjectID) async throws -> (side: Revision, facts: TreeFacts?) {
    if let known = try await known(of: tree) { return known }
    let selection = try layout.layout.selection()
    let entries = try await repository.run { [reader = repository.reader] in
      try reader.entries(inTree: tree, selection)
    }
    let side = try await Revision.read(
      entries, layout, texts: FileContents(repository.reader, tree: tree, selection), in: repository)
    // An entry without a valid path cannot be read again by path.
    if let store, !entries.contains(where: { !$0.isWithinReach }) {
      let facts = TreeFacts.bytes(of: side.snapshot, tree: tree, salt: UInt64.random(in: 0...UInt64.max))
      store.keep(facts, of: .tree(layout.layout))
    }
    return (side, nil)
  }

  /// Returns nil if the stored facts cannot be used.
  private func known(of tree: ObjectID) async throws -> (side: Revision, facts: TreeFacts?)? {
    guard let table = store?.table(of: .tree(layout.layout)) else { return nil }
    let reader = repository.reader
    guard let facts = try? TreeFacts(table, layout: layout.layout, reader: reader) else { return nil }
    let selection = try layout.layout.selection()
    // The known tree is no base if git has garbage-collected it since.
    guard
      let differences = try? await repository.diff(
        baseTree: facts.info.tree, headTree: tree, selection),
      differences.count <= Self.differenceLimit, differences.allSatisfy(\.isWithinReach)
    else { return nil }
    let known = Revision(facts, layout, texts: FileContents(reader, tree: facts.info.tree, selection))
    let side = try await known.changed(
      by: differences, layout, texts: FileContents(reader, tree: tree, selection), in: repository
    ).side
    return facts.hasFailed ? nil : (side, facts)
  }
}

extension TreeChange {
  fileprivate var isWithinReach: Bool { old?.isWithinReach != false && new?.isWithinReach != false }
}
