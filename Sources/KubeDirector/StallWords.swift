import Diagnostics

/// The last part of the message of the condition `Stalled`: the remediation, which follows the reason and is
/// recognized by its first words.
public enum StallWords {
  /// Remediation: restore the old app in the spec.
  public static let goBack = "; to return to "
  /// Remediation: fix the cause; the failed step is run again.
  public static let mend = "; fix the cause"
  /// The same, for a stall that a user might try to end with a revert.
  public static let mendNotRevert = "; a revert does not fix that: fix the cause"
}

extension StallWords {
  /// The command that restores a cluster's file, and no other file, to its state before a commit.
  ///
  /// It works for every commit: for a merge, `~1` is the previous commit of the followed branch, and changes of other
  /// clusters in the commit are kept.
  ///
  /// - Parameter path: The cluster's file, relative to the root of the repository.
  public static func goBack(before commit: String, path: String) -> String {
    "\(restore)\(commit.prefix(7))~1 \(ShellWord.path(path)) && git commit --all \(end)"
  }

  private static let restore = "git restore --source="

  private static let end = "&& git push"

  /// The message of a stall without the command that ends it, and the command, so that the command is not cut in the
  /// middle.
  public static func split(_ message: String) -> (words: String, command: String?) {
    guard let start = message.firstRange(of: ": \(restore)"),
      let finish = message[start.upperBound...].firstRange(of: Self.end)
    else { return (message, nil) }
    return (
      String(message[..<start.lowerBound]) + String(message[finish.upperBound...]),
      String(message[start.lowerBound..<finish.upperBound].dropFirst(2))
    )
  }
}

extension UpgradeInfo {
  /// The first digits of the commit that started the upgrade, because a later commit may have changed only labels. Nil
  /// if the id contains no commit.
  public var commit: String? {
    let stem = id.prefix { $0 != "-" }
    return stem.utf8.count >= 7 && stem.allSatisfy(\.isHexDigit) ? String(stem.prefix(7)) : nil
  }
}

extension Condition {
  /// The reason of the stall and its pod, without the remediation.
  public var complaint: String { String(message[..<(wayOutBegins ?? message.endIndex)]) }

  /// The remediation of the stall; nil if the message has none.
  public var wayOut: String? {
    wayOutBegins.map { String(message[$0...].trimmingPrefix("; ")) }
  }

  private var wayOutBegins: String.Index? {
    [StallWords.goBack, StallWords.mend, StallWords.mendNotRevert].compactMap {
      message.firstRange(of: $0)?.lowerBound
    }.min()
  }

  /// True if the remediation is to restore the old app.
  public var offersReturn: Bool { message.contains(StallWords.goBack) }
}
