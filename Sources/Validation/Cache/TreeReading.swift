import Diagnostics
import GitStore
import Layout
import Rules

/// Reads a tree: from what is known of it, or of one that was not very different; else whole.
struct TreeReading {
  let layout: FoundLayout
  let repository: GitRepository
  /// Nil reads everything and keeps nothing.
  let store: FactStore?

  /// How many files may differ from the tree that is known before it is worth while to read everything and know anew:
  /// reading these costs a few hundredths of a second each time.
  private static let differenceLimit = 500

  /// - Returns: the tree as a side, and the facts that it rests on; nil where everything was read.
  func side(of tree: ObjectID) async throws -> (side: Side, facts: TreeFacts?) {
    if let known = try await known(of: tree) { return known }
    let entries = try await repository.run { [reader = repository.reader, layout] in
      try reader.entries(inTree: tree, try layout.layout.selection())
    }
    let side = try await Side.read(
      entries, layout, texts: Texts(repository.reader, tree: tree), in: repository)
    // What has no path that leads to it cannot be read again by it.
    if let store, !entries.contains(where: { !$0.isWithinReach }) {
      let facts = TreeFacts.bytes(of: side.snapshot, tree: tree, salt: UInt64.random(in: 0...UInt64.max))
      store.keep(facts, of: .tree(layout.layout))
    }
    return (side, nil)
  }

  /// Nil where nothing is known that helps.
  private func known(of tree: ObjectID) async throws -> (side: Side, facts: TreeFacts?)? {
    guard let table = store?.table(of: .tree(layout.layout)) else { return nil }
    let reader = repository.reader
    guard let facts = try? TreeFacts(table, layout: layout.layout, reader: reader) else { return nil }
    let selection = try layout.layout.selection()
    // A tree that was collected since is no tree to begin with.
    guard
      let differences = try? await repository.diff(
        baseTree: facts.info.tree, headTree: tree, selection),
      differences.count <= Self.differenceLimit, differences.allSatisfy(\.isWithinReach)
    else { return nil }
    let known = Side(facts, layout, texts: Texts(reader, tree: facts.info.tree))
    let side = try await known.changed(
      by: differences, layout, texts: Texts(reader, tree: tree), in: repository
    ).side
    return facts.hasFailed ? nil : (side, facts)
  }
}

extension TreeChange {
  fileprivate var isWithinReach: Bool { old?.isWithinReach != false && new?.isWithinReach != false }
}
