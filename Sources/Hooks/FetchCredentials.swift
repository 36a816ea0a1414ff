import FoundationEssentials
import GitStore
import Subprocess

/// The user and the secret that the environment gives for git hosts, handed to the `git` command as it likes to be
/// told: through its environment, so that no list of processes shows them.
struct FetchCredentials: Sendable {
  let user: String
  private let secret: String

  /// - Parameter environment: `KDOPS_GIT_TOKEN`, or `KDOPS_GIT_USER` with `KDOPS_GIT_PASSWORD`; each secret also by
  ///   the name with `_FILE`, as a file that holds it.
  /// - Returns: nil where nothing of it is set: git then knows itself how to ask.
  /// - Throws: `GitError` where a file cannot be read.
  init?(_ environment: [String: String]) throws(GitError) {
    if let token = try Self.secret("KDOPS_GIT_TOKEN", environment) {
      (user, secret) = (environment["KDOPS_GIT_USER"] ?? "x-access-token", token)
    } else if let user = environment["KDOPS_GIT_USER"],
      let password = try Self.secret("KDOPS_GIT_PASSWORD", environment)
    {
      (self.user, secret) = (user, password)
    } else {
      return nil
    }
  }

  private static func secret(
    _ name: String, _ environment: [String: String]
  ) throws(GitError) -> String? {
    guard let file = environment["\(name)_FILE"] else {
      return environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }
    guard let bytes = FileManager.default.contents(atPath: file) else {
      throw GitError(
        .refused, "the file \(file), which \(name)_FILE names, cannot be read",
        hint: "check the path and who may read it")
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).first.map(String.init)
  }

  /// Before git's command: nobody but these is asked, and they are told over TLS only.
  static let arguments = [
    "-c", "credential.helper=", "-c",
    #"credential.helper=!f() { test "$1" = get && grep -q '^protocol=https$' && "#
      + #"printf 'username=%s\npassword=%s\n' "$KDOPS_FETCH_USER" "$KDOPS_FETCH_SECRET"; }; f"#,
  ]

  var variables: [Environment.Key: String?] { ["KDOPS_FETCH_USER": user, "KDOPS_FETCH_SECRET": secret] }
}
