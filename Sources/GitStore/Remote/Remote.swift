import Glibc

/// The location of a secret. It is read again at each use, so a rotated secret takes effect without a
/// restart.
public enum SecretSource: Sendable, Hashable {
  /// The content of a file, without white space at its ends.
  case file(String)
  /// An environment variable.
  case environment(String)

  /// - Throws: `GitError` of kind `.refused` if the secret is missing, empty or unreadable.
  func read(for purpose: String) throws(GitError) -> String {
    switch self {
    case .environment(let name):
      guard let value = getenv(name).map({ String(cString: $0) })?.trimmed, !value.isEmpty else {
        throw GitError(
          .refused, "the environment variable \(name), which should hold \(purpose), is not set",
          hint: "set it, or name a file instead")
      }
      return value
    case .file(let path):
      let value = FileText.read(path)?.trimmed ?? ""
      guard !value.isEmpty else {
        throw GitError(
          .refused, "the file \(path), which should hold \(purpose), cannot be read or is empty",
          hint: "check the path and who may read it")
      }
      return value
    }
  }
}

/// The credentials for a remote. Has the locations of secrets, never a secret itself.
public enum Credentials: Sendable, Hashable {
  case none
  /// An access token over https, sent as the password of the URL's user (or of `x-access-token`).
  case token(SecretSource)
  /// User and password over https.
  case basic(user: String, password: SecretSource)
  /// A private key file, with its passphrase if it has one.
  case sshKey(file: String, passphrase: SecretSource?)
  /// All keys of the running ssh-agent.
  case sshAgent
}

/// A remote repository to fetch from and push to.
public struct Remote: Sendable, Hashable {
  public var url: GitURL
  public var credentials: Credentials
  /// The known_hosts file for ssh; a host that is not in it is rejected.
  public var knownHosts: String
  public var limits: NetworkLimits

  /// - Parameter knownHosts: nil means `~/.ssh/known_hosts`.
  public init(
    _ url: GitURL, credentials: Credentials = .none, knownHosts: String? = nil,
    limits: NetworkLimits = NetworkLimits()
  ) {
    self.url = url
    self.credentials = credentials
    self.limits = limits
    self.knownHosts = knownHosts ?? (getenv("HOME").map { String(cString: $0) } ?? "") + "/.ssh/known_hosts"
  }
}

/// Time limits for network operations. A name lookup cannot be interrupted, so it takes as long as the
/// system's resolver needs (about 30 s at worst).
public struct NetworkLimits: Sendable, Hashable {
  /// The time limit for establishing a connection.
  public var connect: Duration
  /// The time after which a connection without data transfer is closed.
  public var stall: Duration
  /// The time limit for one whole fetch or push.
  public var total: Duration

  public init(
    connect: Duration = .seconds(10), stall: Duration = .seconds(30), total: Duration = .seconds(900)
  ) {
    self.connect = connect
    self.stall = stall
    self.total = total
  }
}

/// Reads small text files, such as secrets and known_hosts.
enum FileText {
  /// The content of a file, with invalid UTF-8 replaced; nil if it cannot be read or is longer than 4 MiB.
  static func read(_ path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let limit = 4 * 1024 * 1024
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 * 1024)
    while true {
      let got = Glibc.read(descriptor, &buffer, buffer.count)
      if got < 0 { return nil }
      if got == 0 { break }
      content += buffer[..<got]
      if content.count > limit { return nil }
    }
    return String(decoding: content, as: UTF8.self)
  }
}
