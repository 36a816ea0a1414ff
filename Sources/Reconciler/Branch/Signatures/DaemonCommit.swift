import GitStore
import KubeDirector

/// Commits that a daemon of the installation makes itself. The last line of the message is a stamp over the rest of the
/// commit, parents included. Only the installation's daemons can read the stamp's key, so a person with write access to
/// the repository cannot forge a stamp, and a copied stamp is valid only for the same commit.
enum DaemonCommit {
  static let trailer = "Kdops-Stamp: "

  /// The commit's text with its stamp.
  static func sealed(_ text: [UInt8], _ stamp: Stamp) -> [UInt8] {
    text + Array("\(trailer)\(stamp.of(commit: text))\n".utf8)
  }

  /// Whether a daemon of this installation made the commit.
  ///
  /// - Parameter text: the commit's text without its signature, because the signature is added after the stamp.
  static func isOurs(_ text: [UInt8], _ stamp: Stamp) -> Bool {
    guard let last = text.dropLast().lastIndex(of: UInt8(ascii: "\n")) else { return false }
    let rest = Array(text[...last])
    return Array(text[(last + 1)...]) == Array("\(trailer)\(stamp.of(commit: rest))\n".utf8)
  }
}
