import FoundationEssentials

/// The credentials of the daemon, which are read only to be removed from a support bundle.
enum KnownSecrets {
  private static let variables = ["KDOPS_GIT_TOKEN", "KDOPS_GIT_PASSWORD", "KDOPS_GIT_SSH_PASSPHRASE"]
  /// A token is never longer, in bytes.
  private static let limit = 16 << 10

  /// - Parameter tokenFile: the file with the token of the forge; nil for none.
  static func values(_ environment: [String: String], tokenFile: String?) -> [String] {
    let files = variables.compactMap { environment["\($0)_FILE"] } + [tokenFile].compactMap(\.self)
    let contents = files.compactMap { FileManager.default.contents(atPath: $0) }.filter { $0.count <= limit }
      .map { String(decoding: $0, as: UTF8.self) }
    return (variables.compactMap { environment[$0] } + contents).map(trimmed).filter { !$0.isEmpty }
  }

  private static func trimmed(_ text: String) -> String {
    let start = text.drop(while: \.isWhitespace)
    return String(start.reversed().drop(while: \.isWhitespace).reversed())
  }
}
