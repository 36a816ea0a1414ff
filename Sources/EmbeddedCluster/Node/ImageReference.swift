/// Whether a text is a valid image reference: `[host[:port]/]path[:tag][@digest]`.
///
/// Source: distribution/reference, the grammar in its package comment.
enum ImageReference {
  static func isValid(_ text: String) -> Bool {
    var name = Substring(text)
    if let at = name.firstIndex(of: "@") {
      guard isDigest(name[name.index(after: at)...]) else { return false }
      name = name[..<at]
    }
    if let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") {
      guard isTag(name[name.index(after: colon)...]) else { return false }
      name = name[..<colon]
    }
    guard (1...255).contains(name.utf8.count) else { return false }
    var parts = name.split(separator: "/", omittingEmptySubsequences: false)
    if parts.count > 1, let host = parts.first, isHost(host) { parts.removeFirst() }
    return parts.allSatisfy(isPathComponent)
  }

  private static func isHost(_ text: Substring) -> Bool {
    let pieces = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let host = pieces.first, !host.isEmpty else { return false }
    let looksLikeHost =
      host.contains(".") || host == "localhost" || pieces.count == 2 || host.utf8.contains { isUpper($0) }
    guard looksLikeHost else { return false }
    if pieces.count == 2, pieces[1].isEmpty || !pieces[1].utf8.allSatisfy(isDigit) { return false }
    return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
      !label.isEmpty && label.utf8.first != UInt8(ascii: "-") && label.utf8.last != UInt8(ascii: "-")
        && label.utf8.allSatisfy { isLower($0) || isUpper($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
    }
  }

  /// Whether a text has only lower-case letters and digits, with `.`, `_`, `__` or any number of `-` between them.
  private static func isPathComponent(_ text: Substring) -> Bool {
    var separators: [UInt8] = []
    var isAtStart = true
    for byte in text.utf8 {
      if isLower(byte) || isDigit(byte) {
        let isLegal =
          separators.isEmpty || separators == [UInt8(ascii: ".")] || separators == [UInt8(ascii: "_")]
          || separators == [UInt8(ascii: "_"), UInt8(ascii: "_")]
          || separators.allSatisfy { $0 == UInt8(ascii: "-") }
        guard isLegal else { return false }
        separators = []
        isAtStart = false
      } else if !isAtStart, [UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-")].contains(byte) {
        separators.append(byte)
      } else {
        return false
      }
    }
    return !isAtStart && separators.isEmpty
  }

  private static func isTag(_ text: Substring) -> Bool {
    guard (1...128).contains(text.utf8.count), let first = text.utf8.first else { return false }
    let inside: [UInt8] = [UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-")]
    return first != UInt8(ascii: ".") && first != UInt8(ascii: "-")
      && text.utf8.allSatisfy { isLower($0) || isUpper($0) || isDigit($0) || inside.contains($0) }
  }

  private static func isDigest(_ text: Substring) -> Bool {
    let pieces = text.split(separator: ":", omittingEmptySubsequences: false)
    guard pieces.count == 2, !pieces[0].isEmpty, pieces[1].utf8.count >= 32 else { return false }
    return pieces[0].utf8.allSatisfy { isLower($0) || isDigit($0) || [0x2B, 0x2D, 0x2E, 0x5F].contains($0) }
      && pieces[1].utf8.allSatisfy { isDigit($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0) }
  }

  private static func isLower(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
  }
  private static func isUpper(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
  }
  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
