import Values

/// The number of members that a role may have: `N` means exactly, `N+` at least.
public struct Cardinality: Sendable, Hashable, CustomStringConvertible {
  public let minimum: Int
  public let isOpen: Bool

  /// Nil unless the text is digits with an optional `+`. Numbers above `JSON.countLimit` are reduced to it.
  public init?(_ text: String) {
    isOpen = text.hasSuffix("+")
    let digits = isOpen ? text.dropLast() : Substring(text)
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let minimum = Int(digits)
    else { return nil }
    self.minimum = min(minimum, JSON.countLimit)
  }

  public func allows(_ members: Int) -> Bool { isOpen ? members >= minimum : members == minimum }

  public var description: String { isOpen ? "\(minimum)+" : "\(minimum)" }

  /// The cardinality for messages: "exactly 3" or "at least 1".
  public var inWords: String { isOpen ? "at least \(minimum)" : "exactly \(minimum)" }
}
