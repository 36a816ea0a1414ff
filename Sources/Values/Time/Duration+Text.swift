extension Duration {
  /// Parses `500ms`, `1s`, `5m`, `2h`: a whole number and a unit. Nil for anything else, and for more than a year.
  public init?(written text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    guard let count = Int64(digits), count <= 31_536_000_000 else { return nil }
    switch text.dropFirst(digits.count) {
    case "ms": self = .milliseconds(count)
    case "s" where count <= 31_536_000: self = .seconds(count)
    case "m" where count <= 525_600: self = .seconds(count * 60)
    case "h" where count <= 8_760: self = .seconds(count * 3600)
    default: return nil
    }
  }
}
