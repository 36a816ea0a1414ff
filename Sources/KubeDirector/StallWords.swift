import Diagnostics

/// How the message of the condition `Stalled` ends: behind what ails which pod stands the way out, told from the rest
/// by its first words.
public enum StallWords {
  /// Another app is named again.
  public static let goBack = "; to go back to "
  /// What failed is run again.
  public static let mend = "; mend the cause"
  /// The same, where somebody might think of a revert.
  public static let mendNotRevert = "; a revert does not mend that: mend the cause"
}

extension StallWords {
  /// The command that puts a cluster's file back as it was before a commit, and no other file. It works for every
  /// commit: of a merge, `~1` is the followed branch before it, and a commit that changed other clusters leaves them.
  ///
  /// - Parameter path: the cluster's file, from the root of the repository.
  public static func goBack(before commit: String, path: String) -> String {
    "\(restore)\(commit.prefix(7))~1 \(ShellWord.path(path)) && git commit --all \(end)"
  }

  private static let restore = "git restore --source="

  private static let end = "&& git push"

  /// A stall's message and, apart from it, the command that ends the stall, for where it would be cut in the middle.
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
  /// The first digits of the commit that began the upgrade: a later one may have touched no more than labels. Nil where
  /// the id does not tell.
  public var commit: String? {
    let stem = id.prefix { $0 != "-" }
    return stem.utf8.count >= 7 && stem.allSatisfy(\.isHexDigit) ? String(stem.prefix(7)) : nil
  }
}

extension Condition {
  /// What ails which pod, without the way out.
  public var complaint: String { String(message[..<(wayOutBegins ?? message.endIndex)]) }

  /// How the stall is ended; nil where nothing is said of that.
  public var wayOut: String? {
    wayOutBegins.map { String(message[$0...].trimmingPrefix("; ")) }
  }

  private var wayOutBegins: String.Index? {
    [StallWords.goBack, StallWords.mend, StallWords.mendNotRevert].compactMap {
      message.firstRange(of: $0)?.lowerBound
    }.min()
  }

  /// True where the way out is to name the old app again.
  public var offersReturn: Bool { message.contains(StallWords.goBack) }
}
