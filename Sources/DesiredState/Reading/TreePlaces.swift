import GitStore
import Values

/// Finds the entries of a tree by their paths.
///
/// Finding one entry takes time that grows with the folders above it, so only the first few are found one by one; then
/// the tree is listed once.
public struct TreePlaces: Sendable {
  private let tree: ObjectID
  private let selection: PathSelection
  private var singles = 0
  /// The limits of all entries that are found one by one.
  private let budget = SharedTreeBudget(TreeLimits(bytes: 32 << 20))
  private var listed: [ExactString: TreeEntry]?

  private static let singleLimit = 32

  /// - Parameter selection: Selects every path that may be asked for, except `.kdops.yaml`.
  public init(_ tree: ObjectID, _ selection: PathSelection) {
    (self.tree, self.selection) = (tree, selection)
  }

  /// Returns nil if there is no such entry.
  public mutating func entry(at path: ExactString, _ reader: ObjectReader) throws(GitError) -> TreeEntry? {
    if path.wrappedValue.isExactly(RepositoryLayout.path) {
      return try reader.entry(at: path.wrappedValue, inTree: tree)
    }
    if let listed { return listed[path] }
    singles += 1
    if singles <= Self.singleLimit {
      do throws(GitError) {
        return try reader.entry(at: path.wrappedValue, inTree: tree, budget: budget)
      } catch {
        guard budget.isSpent else { throw error }
      }
    }
    let entries = try reader.entries(inTree: tree, selection)
    let found = Dictionary(
      entries.lazy.map { (ExactString($0.path), $0) }, uniquingKeysWith: { first, _ in first })
    listed = found
    return found[path]
  }
}
