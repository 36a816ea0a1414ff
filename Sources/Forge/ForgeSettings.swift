/// Where states of commits are told, beside git itself.
public struct ForgeSettings: Sendable, Hashable {
  /// Whose API is spoken.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    case gitlab
    case github
  }

  public var kind: Kind
  /// Where its API begins: `https://gitlab.example/api/v4`, `https://api.github.com`. No `/` at the end.
  public var url: String
  /// GitLab: the project's path or number. GitHub: `owner/repository`.
  public var project: String
  /// The file with the access token, read anew for each request.
  public var tokenFile: String
  /// Tells our states of a commit from those of others.
  public var context: String
  /// The branch that is followed.
  public var branch: String

  public init(
    kind: Kind, url: String? = nil, project: String, tokenFile: String, context: String, branch: String
  ) {
    self.kind = kind
    self.url = Self.base(url, kind)
    self.project = project
    self.tokenFile = tokenFile
    self.context = context
    self.branch = branch
  }

  /// The forge's own address does for GitLab, whose API stands below it at a fixed place.
  private static func base(_ url: String?, _ kind: Kind) -> String {
    var url = url ?? (kind == .gitlab ? "https://gitlab.com" : "https://api.github.com")
    while url.hasSuffix("/") { url.removeLast() }
    return kind == .gitlab && !url.hasSuffix("/api/v4") ? "\(url)/api/v4" : url
  }

  /// Why an address cannot be used; nil where it can. A token goes over the network only where nobody can read it.
  public static func problem(url: String) -> String? {
    let parts = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let authority = parts[1].split(separator: "/").first, !authority.isEmpty else {
      return "is no address of the form https://HOST"
    }
    if authority.contains("@") { return "holds credentials; put the token into forge.tokenFile" }
    if url.contains(where: { $0 == "?" || $0 == "#" || $0.isWhitespace }) {
      return "is no address of the form https://HOST"
    }
    switch parts[0] {
    case "https": return nil
    case "http":
      let host =
        authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
      return isLoopback(host) ? nil : "would send the token in the clear; use https"
    default: return "is no address of the form https://HOST"
    }
  }

  private static func isLoopback(_ host: Substring) -> Bool {
    if host == "localhost" || host == "[::1]" { return true }
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return numbers.count == 4 && numbers.allSatisfy { $0 != nil } && numbers[0] == 127
  }

  /// Why a project cannot be named so; nil where it can.
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
