/// The git hooks that kdops implements.
public enum HookName: String, CaseIterable, Sendable {
  case preCommit = "pre-commit"
  /// Runs before `git merge` creates a merge commit.
  case preMergeCommit = "pre-merge-commit"
  case prePush = "pre-push"
  case preReceive = "pre-receive"

  /// Whether git lists the updated refs on the hook's standard input.
  public var readsRefs: Bool { self == .prePush || self == .preReceive }

  /// The hooks that are installed if the user names none.
  static func usual(inBare isBare: Bool) -> [HookName] { isBare ? [.preReceive] : [.preCommit, .prePush] }
}
