/// Checks of the address of a server that receives secrets.
public enum SecureAddress {
  /// Why an address cannot be used.
  public enum Problem: Sendable, Hashable {
    /// It is not of the form `https://HOST`.
    case invalid
    /// It has a user or password before its host.
    case credentials
    /// It is not encrypted, and not on the loopback interface.
    case unencrypted
  }

  /// - Parameter allowsQuery: whether the address may have a query.
  /// - Returns: nil for an encrypted address, or one of this machine.
  public static func problem(_ url: String, allowsQuery: Bool = false) -> Problem? {
    let parts = url.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let authority = parts[1].split(separator: "/").first, !authority.isEmpty else {
      return .invalid
    }
    if authority.contains("@") { return .credentials }
    let isBroken = url.contains { character in
      character == "#" || character.isWhitespace || (character == "?" && !allowsQuery)
    }
    if isBroken || authority.contains("?") { return .invalid }
    switch parts[0] {
    case "https": return nil
    case "http":
      let host =
        authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
      return isLoopback(host) ? nil : .unencrypted
    default: return .invalid
    }
  }

  private static func isLoopback(_ host: Substring) -> Bool {
    if host == "localhost" || host == "[::1]" { return true }
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return numbers.count == 4 && numbers.allSatisfy { $0 != nil } && numbers[0] == 127
  }
}
