import Diagnostics

/// The command that restores a cluster's file, and no other file, to its state before a commit.
public enum RestoreCommand {
  /// The command for a shell.
  ///
  /// It works for every commit: for a merge, `~1` is the previous commit of the followed branch, and changes of other
  /// clusters in the commit are kept.
  ///
  /// - Parameter path: The cluster's file, relative to the root of the repository.
  public static func text(before commit: String, path: String) -> String {
    "\(begin)\(commit.prefix(7))~1 \(ShellWord.path(path)) && git commit --all \(end)"
  }

  private static let begin = "git restore --source="

  private static let end = "&& git push"

  /// A message without the command in it, and the command, so that the command can be shown on a line of its own.
  public static func split(_ message: String) -> (words: String, command: String?) {
    guard let start = message.firstRange(of: ": \(begin)"),
      let finish = message[start.upperBound...].firstRange(of: Self.end)
    else { return (message, nil) }
    return (
      String(message[..<start.lowerBound]) + String(message[finish.upperBound...]),
      String(message[start.lowerBound..<finish.upperBound].dropFirst(2))
    )
  }
}
