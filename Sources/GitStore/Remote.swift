import Glibc

/// Where a secret is found. It is read anew each time it is needed, so that a rotated one is taken up without
/// a restart.
public enum SecretSource: Sendable, Hashable {
  /// The content of a file, white space at its end cut off.
  case file(String)
  /// An environment variable.
  case environment(String)

  /// - Throws: `GitError` of kind `.refused` where there is nothing to read.
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

/// How we say who we are. Holds places of secrets, never a secret itself.
public enum Credentials: Sendable, Hashable {
  case none
  /// An access token over https, sent as the password of the URL's user (or of `x-access-token`).
  case token(SecretSource)
  /// User and password over https.
  case basic(user: String, password: SecretSource)
  /// A private key file, with its passphrase where it has one.
  case sshKey(file: String, passphrase: SecretSource?)
  /// Whatever keys the running ssh-agent has.
  case sshAgent
}

/// Another repository that we fetch from and push to.
public struct Remote: Sendable, Hashable {
  public var url: GitURL
  public var credentials: Credentials
  /// The file of host keys that ssh is checked against; a host that is not in it is refused.
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

/// How long the network may take. A name lookup counts as little as the system's resolver allows (some 30 s
/// at worst), it cannot be interrupted.
public struct NetworkLimits: Sendable, Hashable {
  /// Until a connection stands.
  public var connect: Duration
  /// Without anything moving.
  public var stall: Duration
  /// For the whole of one fetch or push.
  public var total: Duration

  public init(
    connect: Duration = .seconds(10), stall: Duration = .seconds(30), total: Duration = .seconds(900)
  ) {
    self.connect = connect
    self.stall = stall
    self.total = total
  }
}

/// Small files of settings.
enum FileText {
  /// The content of a file, invalid UTF-8 replaced; nil where it cannot be read or is longer than 4 MiB.
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
