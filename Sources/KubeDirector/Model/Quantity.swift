/// A Kubernetes quantity: `500m`, `2`, `1.5Gi`, `1e3`, `12E`.
///
/// Compared by value, so `1024Mi` equals `1Gi`. Stored exactly in units of 10⁻⁹ (nano), the finest that Kubernetes
/// stores; finer values are rounded up, as Kubernetes does. Source: kubernetes/apimachinery,
/// `pkg/api/resource/quantity.go`, the grammar in its comment.
public struct Quantity: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The original text.
  public let description: String
  private let nano: Int128

  private static let one: Int128 = 1_000_000_000

  /// Nil if the text is not a quantity, or is beyond ±2^63.
  public init?(_ text: String) {
    description = text
    var bytes = Substring(text).utf8
    var negative = false
    if let first = bytes.first, first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
      negative = first == UInt8(ascii: "-")
      bytes = bytes.dropFirst()
    }
    var digits: Int128 = 0
    var fraction = 0
    var seenDigit = false
    var seenPoint = false
    while let byte = bytes.first {
      if (0x30...0x39).contains(byte) {
        seenDigit = true
        guard digits < Int128(1) << 100 else { return nil }
        digits = digits * 10 + Int128(byte - 0x30)
        if seenPoint { fraction += 1 }
      } else if byte == UInt8(ascii: "."), !seenPoint {
        seenPoint = true
      } else {
        break
      }
      bytes = bytes.dropFirst()
    }
    guard seenDigit, let (numerator, denominator) = Self.scale(String(Substring(bytes))) else { return nil }
    var divisor = denominator
    for _ in 0..<fraction {
      let (next, overflow) = divisor.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      divisor = next
    }
    let (scaled, overflow) = digits.multipliedReportingOverflow(by: numerator)
    guard !overflow else { return nil }
    let (quotient, remainder) = scaled.quotientAndRemainder(dividingBy: divisor)
    let value = remainder == 0 ? quotient : quotient + 1
    guard value / Self.one <= Int128(Int64.max) else { return nil }
    nano = negative ? -value : value
  }

  /// The value of one unit of the suffix, in nano: numerator and denominator.
  private static func scale(_ suffix: String) -> (Int128, Int128)? {
    switch suffix {
    case "": return (one, 1)
    case "n": return (1, 1)
    case "u": return (1_000, 1)
    case "m": return (1_000_000, 1)
    case "k": return (one * 1_000, 1)
    case "M": return (one * 1_000_000, 1)
    case "G": return (one * 1_000_000_000, 1)
    case "T": return (one * 1_000_000_000_000, 1)
    case "P": return (one * 1_000_000_000_000_000, 1)
    case "E": return (one * 1_000_000_000_000_000_000, 1)
    case "Ki": return (one << 10, 1)
    case "Mi": return (one << 20, 1)
    case "Gi": return (one << 30, 1)
    case "Ti": return (one << 40, 1)
    case "Pi": return (one << 50, 1)
    case "Ei": return (one << 60, 1)
    default: break
    }
    guard let mark = suffix.first, mark == "e" || mark == "E", let exponent = Int(suffix.dropFirst()),
      (-27...18).contains(exponent)
    else { return nil }
    var power: Int128 = 1
    for _ in 0..<abs(exponent) { power *= 10 }
    return exponent >= 0 ? (one * power, 1) : (one, power)
  }

  public static func == (left: Quantity, right: Quantity) -> Bool { left.nano == right.nano }
  public static func < (left: Quantity, right: Quantity) -> Bool { left.nano < right.nano }
  public func hash(into hasher: inout Hasher) { hasher.combine(nano) }

  public var isZero: Bool { nano == 0 }
  public var isNegative: Bool { nano < 0 }

  /// The value rounded up to whole units, as Kubernetes' `Value()`.
  public var wholeUnits: Int64 {
    Int64(clamping: nano > 0 ? (nano + Self.one - 1) / Self.one : nano / Self.one)
  }

  /// The value in nano units as text. Equal values have equal texts, so they can be compared as text.
  public var canonical: String { "\(nano)n" }
}
