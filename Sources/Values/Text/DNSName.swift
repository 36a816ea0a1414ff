/// Names of RFC 1123, as Kubernetes requires them.
public enum DNSName {
  /// Whether the text is one label: lower-case letters, digits and `-`, beginning and ending with a letter or digit.
  ///
  /// - Parameter limit: the maximum number of characters.
  public static func isLabel(_ text: String, limit: Int = 63) -> Bool {
    isSubdomain(text, limit: limit) && !text.utf8.contains(dot)
  }

  /// Whether the text is labels joined with dots. Such names are also valid names of folders.
  ///
  /// - Parameter limit: the maximum number of characters of all labels together.
  public static func isSubdomain(_ text: String, limit: Int = 253) -> Bool {
    guard text.utf8.count <= limit else { return false }
    var previous = dot
    for byte in text.utf8 {
      switch byte {
      case dot, dash: if previous == dot || (previous == dash && byte == dot) { return false }
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): break
      default: return false
      }
      previous = byte
    }
    return previous != dot && previous != dash
  }

  private static let dot = UInt8(ascii: ".")
  private static let dash = UInt8(ascii: "-")
}
