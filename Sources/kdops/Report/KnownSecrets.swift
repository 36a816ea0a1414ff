import FoundationEssentials
import Values

/// The credentials of the daemon, which are read only to be removed from a support bundle.
enum KnownSecrets {
  private static let variables = ["KDOPS_GIT_TOKEN", "KDOPS_GIT_PASSWORD", "KDOPS_GIT_SSH_PASSPHRASE"]
  /// A token is never longer, in bytes.
  private static let limit = 16 << 10

  /// - Parameter files: the files that the settings name, such as that with the token of the forge.
  static func values(_ environment: [String: String], files: [String]) -> [String] {
    let files = variables.compactMap { environment["\($0)_FILE"] } + files
    let contents = files.compactMap { FileManager.default.contents(atPath: $0) }.filter { $0.count <= limit }
      .map { String(decoding: $0, as: UTF8.self) }
    return (variables.compactMap { environment[$0] } + contents).map(trimmed).filter { !$0.isEmpty }
  }

  /// The files with secrets that the settings name.
  ///
  /// - Parameter values: the values of all keys.
  static func files(_ values: [String: JSON]) -> [String] {
    let single = ["forge.tokenFile", "webhook.secretFile"].compactMap { values[$0]?.string }
    let targets = values["notifications"]?.array ?? []
    return single
      + targets.flatMap { target in
        ["urlFile", "secretFile"].compactMap { target[$0]?.string }
      }
  }

  private static func trimmed(_ text: String) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
  }
}
