import Values

/// The settings for sending commit statuses to a forge, in addition to git itself.
public struct ForgeSettings: Sendable, Hashable {
  /// The forge's API.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case gitlab
    case github
  }

  public var kind: Kind
  /// The base URL of the API: `https://gitlab.example/api/v4`, `https://api.github.com`. No `/` at the end.
  public var url: String
  /// GitLab: the project's path or number. GitHub: `owner/repository`.
  public var project: String
  /// The file with the access token, read again for each request.
  public var tokenFile: String
  /// Distinguishes kdops's commit statuses from those of other tools.
  public var context: String
  /// The branch that the daemon follows.
  public var branch: String
  /// Whether the outcome is written into a comment on the merge request as well.
  public var comments: Bool

  public init(
    kind: Kind, url: String? = nil, project: String, tokenFile: String, context: String, branch: String,
    comments: Bool = false
  ) {
    self.kind = kind
    self.url = Self.base(url, kind)
    self.project = project
    self.tokenFile = tokenFile
    self.context = context
    self.branch = branch
    self.comments = comments
  }

  /// The API's base URL. For GitLab the forge's own address is enough, because its API is at a fixed path
  /// below it.
  private static func base(_ url: String?, _ kind: Kind) -> String {
    var url = url ?? (kind == .gitlab ? "https://gitlab.com" : "https://api.github.com")
    while url.hasSuffix("/") { url.removeLast() }
    return kind == .gitlab && !url.hasSuffix("/api/v4") ? "\(url)/api/v4" : url
  }

  /// Why a URL cannot be used; nil if it can. The token is sent only over an encrypted connection or the
  /// loopback interface.
  public static func problem(url: String) -> String? {
    switch SecureAddress.problem(url) {
    case nil: nil
    case .invalid?: "is no address of the form https://HOST"
    case .credentials?: "holds credentials; put the token into forge.tokenFile"
    case .unencrypted?: "would send the token in the clear; use https"
    }
  }

  /// Why a project name is invalid; nil if it is valid.
  public static func problem(project: String, _ kind: Kind) -> String? {
    let parts = project.split(separator: "/", omittingEmptySubsequences: false)
    let isClean = parts.allSatisfy { part in
      !part.isEmpty && part != "." && part != ".."
        && part.utf8.allSatisfy { CommitCall.isUnreserved($0) }
    }
    switch kind {
    case .github:
      return isClean && parts.count == 2 ? nil : "must be OWNER/REPOSITORY"
    case .gitlab:
      return isClean ? nil : "must be the project's path, such as group/fleet, or its number"
    }
  }
}
