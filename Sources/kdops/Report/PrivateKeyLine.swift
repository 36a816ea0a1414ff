/// A line that begins or ends a private key in PEM.
enum PrivateKeyLine: Hashable {
  /// The key continues after the line.
  case begin
  /// The key began before the line.
  case end
  /// The key begins and ends in the line.
  case whole

  /// Nil for all other lines.
  init?(_ line: String) {
    guard line.contains("PRIVATE KEY") else { return nil }
    let words = line.split(separator: "-----", omittingEmptySubsequences: true)
      .filter { $0.hasSuffix("PRIVATE KEY") }
    guard let first = words.first, let last = words.last else { return nil }
    if last.hasPrefix("BEGIN ") {
      self = .begin
    } else if last.hasPrefix("END ") {
      self = first.hasPrefix("BEGIN ") ? .whole : .end
    } else {
      return nil
    }
  }

  /// Whether a line may be part of a key: base64, perhaps after a time stamp, an empty line or a header of PEM.
  static func isBody(_ line: String) -> Bool {
    if ["Proc-Type:", "DEK-Info:"].contains(where: { line.hasPrefix($0) }) { return true }
    let words = line.split(whereSeparator: \.isWhitespace)
    guard let last = words.last else { return true }
    let padding = last.utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    return (words.count == 1 || last.utf8.count >= 32) && last.utf8.dropLast(padding).allSatisfy(isBase64)
  }

  private static func isBase64(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"):
      true
    default: false
    }
  }
}
