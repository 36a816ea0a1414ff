/// The remote refs for statuses; nil disables one kind.
public struct StatusRefs: Sendable, Hashable {
  public var notes: String?
  public var tree: String?
  /// The full name of a branch with the same files as the tree, for browsing.
  public var branch: String?

  public init(notes: String?, tree: String?, branch: String? = nil) {
    self.notes = notes
    self.tree = tree
    self.branch = branch
  }

  /// The refs of one of several installations on a repository: the same refs, with a suffix unless it is the
  /// default installation.
  public func suffixed(_ installation: String) -> StatusRefs {
    guard installation != "default" else { return self }
    func named(_ ref: String?) -> String? { ref.map { "\($0)-\(installation)" } }
    return StatusRefs(notes: named(notes), tree: named(tree), branch: named(branch))
  }

  /// The refs that a mirror must follow, so that statuses are written on top of other writers' commits.
  public var all: [String] { [notes, tree, branch].compactMap(\.self) }
}
