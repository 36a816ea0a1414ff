/// The parsed `server:` URL of a kubeconfig.
struct ServerAddress: Sendable, Hashable {
  var isSecure: Bool
  /// A host name, or an address without brackets.
  var host: String
  var port: Int
  /// The path prefix of the server: empty, or with a slash at its beginning and none at its end.
  var path: String

  /// - Returns: nil if the text is not a valid `http` or `https` URL of a server: if it contains credentials or
  ///   a query, or has an invalid port or no host.
  init?(_ text: String) {
    let rest: Substring
    if text.hasPrefix("https://") {
      isSecure = true
      rest = text.dropFirst(8)
    } else if text.hasPrefix("http://") {
      isSecure = false
      rest = text.dropFirst(7)
    } else {
      return nil
    }
    guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !rest.contains(where: { "@?#\\".contains($0) })
    else {
      return nil
    }
    let authority = rest.prefix { $0 != "/" }
    var path = rest[authority.endIndex...]
    while path.hasSuffix("/") { path = path.dropLast() }
    self.path = String(path)

    let portText: Substring
    if authority.hasPrefix("["), let close = authority.firstIndex(of: "]") {
      host = String(authority[authority.index(after: authority.startIndex)..<close])
      portText = authority[authority.index(after: close)...]
    } else {
      host = String(authority.prefix { $0 != ":" })
      portText = authority[authority.index(authority.startIndex, offsetBy: host.count)...]
    }
    guard !host.isEmpty else { return nil }
    if portText.isEmpty {
      port = isSecure ? 443 : 80
    } else {
      guard portText.hasPrefix(":"), let port = Int(portText.dropFirst()), (1...65535).contains(port) else {
        return nil
      }
      self.port = port
    }
  }

  var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}
