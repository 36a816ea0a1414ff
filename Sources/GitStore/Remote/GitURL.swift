import Diagnostics

/// The address of a remote repository. Contains no secret: a URL with a password is rejected.
public enum GitURL: Sendable, Hashable {
  /// A folder on this machine (also written `file://…`).
  case path(String)
  /// `https`, or `http` on the loopback interface only.
  case web(secure: Bool, user: String?, host: String, port: Int, path: String)
  case ssh(user: String?, host: String, port: Int, path: String)

  /// Parses a path, `file://`, `https://`, `ssh://` or `user@host:path`.
  ///
  /// - Parameter base: the folder that a relative path is resolved against; has no `/` at the end.
  /// - Throws: `GitError` of kind `.invalid` for another scheme, a password in the URL, `http://` to another
  ///   host, and characters that a remote shell could interpret as more than a path.
  public init(_ text: String, relativeTo base: String = ".") throws(GitError) {
    let shown = Redaction.url(text.singleLine)
    func refuse(_ reason: String, _ hint: String) -> GitError {
      GitError(.invalid, "the repository address \(shown) \(reason)", hint: hint)
    }
    guard !text.isEmpty else { throw refuse("is empty", "give a path, https:// or ssh:// address") }
    if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
      throw refuse("has control characters", "give a path, https:// or ssh:// address")
    }
    guard let scheme = Self.scheme(of: text) else {
      if let colon = text.firstIndex(of: ":"), !text[..<colon].contains("/"), colon != text.startIndex {
        self = try Self.scp(text, colon, refuse)
      } else {
        self = .path(text.hasPrefix("/") || base == "." ? text : base + "/" + text)
      }
      return
    }
    let rest = text.dropFirst(scheme.count + 3)
    switch scheme.lowercased() {
    case "file":
      guard rest.hasPrefix("/") else {
        throw refuse("names a host", "write file:///path, with three slashes")
      }
      self = .path(Self.decoded(rest))
    case "https", "http":
      let parts = try Self.authority(rest, refuse)
      let secure = scheme.lowercased() == "https"
      if !secure && !Self.isLoopback(parts.host) {
        throw refuse("is not encrypted", "use https://; http:// is allowed to this machine only")
      }
      self = .web(
        secure: secure, user: parts.user, host: parts.host, port: parts.port ?? (secure ? 443 : 80),
        path: parts.path)
    case "ssh", "git+ssh", "ssh+git":
      let parts = try Self.authority(rest, refuse)
      try Self.checkRemotePath(parts.path, refuse)
      self = .ssh(user: parts.user, host: parts.host, port: parts.port ?? 22, path: parts.path)
    default:
      throw refuse("has a scheme that is not spoken here", "use a path, https:// or ssh://")
    }
  }

  /// The URL in the form that libgit2 expects.
  var text: String {
    switch self {
    case .path(let path): return path
    case .web(let secure, _, let host, let port, let path):
      return "\(secure ? "https" : "http")://\(Self.bracketed(host)):\(port)\(path)"
    case .ssh(let user, let host, let port, let path):
      return "ssh://\(user.map { $0 + "@" } ?? "")\(Self.bracketed(host)):\(port)\(path)"
    }
  }

  private static func scheme(of text: String) -> Substring? {
    guard let mark = text.range(ofSlashes: ()) else { return nil }
    let name = text[..<mark]
    return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "+-.".contains($0)) } ? name : nil
  }

  private static func scp(
    _ text: String, _ colon: String.Index, _ refuse: (String, String) -> GitError
  ) throws(GitError) -> GitURL {
    var host = text[..<colon]
    var user: String?
    if let at = host.lastIndex(of: "@") {
      user = String(host[..<at])
      host = host[host.index(after: at)...]
    }
    let path = String(text[text.index(after: colon)...])
    try checkRemotePath(path, refuse)
    guard isHost(host), user.map({ !$0.isEmpty && !$0.hasPrefix("-") }) ?? true, !path.isEmpty,
      !path.hasPrefix(":")
    else { throw refuse("has no valid host or no path", "write it as user@host:path") }
    // Without a leading `/` the path starts at the user's home on the remote; a URL expresses that as `/~/`.
    let absolute = path.hasPrefix("/") ? path : path.hasPrefix("~") ? "/" + path : "/~/" + path
    return .ssh(user: user, host: String(host), port: 22, path: absolute)
  }

  private static func authority(
    _ rest: Substring, _ refuse: (String, String) -> GitError
  ) throws(GitError) -> (user: String?, host: String, port: Int?, path: String) {
    let slash = rest.firstIndex(of: "/") ?? rest.endIndex
    let path = String(rest[slash...])
    var host = rest[..<slash]
    var user: String?
    if let at = host.lastIndex(of: "@") {
      let who = host[..<at]
      if who.contains(":") {
        throw refuse(
          "has a password in it", "put the token into a file or an environment variable and name that")
      }
      user = decoded(who)
      host = host[host.index(after: at)...]
    }
    var port: Int?
    let name: Substring
    if host.hasPrefix("["), let close = host.firstIndex(of: "]") {
      name = host[host.index(after: host.startIndex)..<close]
      host = host[host.index(after: close)...]
      if !host.isEmpty && !host.hasPrefix(":") { throw refuse("has no valid host", "write [address]:port") }
    } else {
      name = host.prefix { $0 != ":" }
      host = host.dropFirst(name.count)
    }
    if host.hasPrefix(":") {
      guard let number = Int(host.dropFirst()), (1...65535).contains(number) else {
        throw refuse("has no valid port", "write host:port with a port from 1 to 65535")
      }
      port = number
    }
    guard isHost(name) else { throw refuse("has no valid host", "check the host's name") }
    if path.count < 2 { throw refuse("has no path", "add the repository's path after the host") }
    return (user, String(name), port, path)
  }

  private static func isHost(_ name: Substring) -> Bool {
    !name.isEmpty && !name.hasPrefix("-")
      && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._:%".contains($0)) }
  }

  /// libgit2 puts the path between single quotes for the remote shell, and escapes nothing.
  private static func checkRemotePath(_ path: String, _ refuse: (String, String) -> GitError) throws(GitError)
  {
    if path.utf8.contains(where: { $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: "\\") }) {
      throw refuse("has a quote or backslash in its path", "rename the repository there")
    }
  }

  static func isLoopback(_ host: String) -> Bool {
    if host == "localhost" || host == "::1" { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return parts.count == 4 && !parts.contains(nil) && parts[0] == 127
  }

  private static func bracketed(_ host: String) -> String { host.contains(":") ? "[\(host)]" : host }

  private static func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2,
        let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension GitURL: CustomStringConvertible {
  /// For people: without the user names of `https` addresses.
  public var description: String {
    switch self {
    case .path(let path): path
    case .web(let secure, _, let host, let port, let path):
      "\(secure ? "https" : "http")://\(Self.bracketed(host))\(port == (secure ? 443 : 80) ? "" : ":\(port)")\(path)"
    case .ssh(let user, let host, let port, let path):
      "ssh://\(user.map { $0 + "@" } ?? "")\(Self.bracketed(host))\(port == 22 ? "" : ":\(port)")\(path)"
    }
  }
}

extension String {
  /// The position of `://`.
  fileprivate func range(ofSlashes: Void) -> Index? {
    var start = startIndex
    while let colon = self[start...].firstIndex(of: ":") {
      if self[colon...].hasPrefix("://") { return colon }
      start = index(after: colon)
    }
    return nil
  }
}
