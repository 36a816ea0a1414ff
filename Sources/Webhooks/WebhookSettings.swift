/// The administrator's settings of the listener for webhooks.
public struct WebhookSettings: Sendable, Hashable {
  /// The address to listen on: an IP address, or a name that resolves to one.
  public var address: String
  /// 0 for any free port.
  public var port: Int
  /// The file with the secret that the senders share with the daemon; read again for each request. It may contain
  /// several secrets, one a line, while one of them is replaced.
  public var secretFile: String
  /// The branch that the daemon follows.
  public var branch: String
  /// The repository that the daemon follows; nil to accept pushes to any.
  public var repository: RepositoryName?

  public init(
    address: String, port: Int, secretFile: String, branch: String, repository: RepositoryName? = nil
  ) {
    self.address = address
    self.port = port
    self.secretFile = secretFile
    self.branch = branch
    self.repository = repository
  }
}

/// The path of a repository at its forge, to recognize it in a payload.
public struct RepositoryName: Sendable, Hashable {
  private let path: String

  /// - Parameter path: the path of the repository's URL: `/team/fleet.git`, `/gitlab/team/fleet`.
  public init?(path: String) {
    let path = Self.normalized(path)
    guard !path.isEmpty else { return nil }
    self.path = path
  }

  /// Whether a forge's name for a repository, such as `team/fleet`, names this one. A forge may be below a path prefix
  /// that its own names do not contain.
  func isNamed(_ name: String) -> Bool {
    let name = Self.normalized(name)
    return !name.isEmpty && (path == name || path.hasSuffix("/\(name)"))
  }

  private static func normalized(_ path: String) -> String {
    var path = Substring(path.lowercased())
    while path.hasSuffix("/") { path = path.dropLast() }
    if path.hasSuffix(".git") { path = path.dropLast(4) }
    while path.hasPrefix("/") || path.hasPrefix("~") { path = path.dropFirst() }
    return String(path)
  }
}
