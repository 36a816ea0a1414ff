import GitStore
import KubeDirector

/// Commits that a daemon of the installation makes itself. The last line of the message is a stamp over the rest of
/// the commit, parents included, under the key that only the installation's daemons read: nobody who writes the
/// repository can make one, and a copy stands only for the same commit.
enum OwnCommit {
  static let trailer = "Kdops-Stamp: "

  /// The commit's text with the stamp that stands for it.
  static func sealed(_ text: [UInt8], _ stamp: Stamp) -> [UInt8] {
    text + Array("\(trailer)\(stamp.of(commit: text))\n".utf8)
  }

  /// - Parameter text: the commit's, without its signature where it has one: that was made last.
  static func isOurs(_ text: [UInt8], _ stamp: Stamp) -> Bool {
    guard let last = text.dropLast().lastIndex(of: UInt8(ascii: "\n")) else { return false }
    let rest = Array(text[...last])
    return Array(text[(last + 1)...]) == Array("\(trailer)\(stamp.of(commit: rest))\n".utf8)
  }
}
