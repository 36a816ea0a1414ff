/// The hooks of git in which kdops judges.
public enum HookName: String, CaseIterable, Sendable {
  case preCommit = "pre-commit"
  /// Of a merge that git commits by itself.
  case preMergeCommit = "pre-merge-commit"
  case prePush = "pre-push"
  case preReceive = "pre-receive"

  /// Whether git tells it on its standard input which refs move.
  public var readsRefs: Bool { self == .prePush || self == .preReceive }

  /// What is put in place where nobody names a hook.
  static func usual(inBare isBare: Bool) -> [HookName] { isBare ? [.preReceive] : [.preCommit, .prePush] }
}
