import FoundationEssentials
import GitStore
import Subprocess

/// The user and secret for git hosts from the environment. They are passed to the `git` command through its
/// environment, so that they do not appear in process lists.
struct FetchCredentials: Sendable {
  let user: String
  private let secret: String

  /// - Parameter environment: `KDOPS_GIT_TOKEN`, or `KDOPS_GIT_USER` with `KDOPS_GIT_PASSWORD`. For each
  ///   secret, the name with `_FILE` gives the path of a file that contains it.
  /// - Returns: Nil if none of them is set. Git then uses its own credential helpers.
  /// - Throws: `GitError` if a file cannot be read.
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

  /// Arguments before git's command. They replace all other credential helpers and send the credentials only
  /// over TLS.
  static let arguments = [
    "-c", "credential.helper=", "-c",
    #"credential.helper=!f() { test "$1" = get && grep -q '^protocol=https$' && "#
      + #"printf 'username=%s\npassword=%s\n' "$KDOPS_FETCH_USER" "$KDOPS_FETCH_SECRET"; }; f"#,
  ]

  var variables: [Environment.Key: String?] { ["KDOPS_FETCH_USER": user, "KDOPS_FETCH_SECRET": secret] }
}
