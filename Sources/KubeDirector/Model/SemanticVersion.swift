/// A version according to Semantic Versioning 2.0.0 (https://semver.org).
///
/// Two versions that differ only in build metadata have equal precedence and are therefore `==`; `description` keeps
/// the original text.
public struct SemanticVersion: Sendable, Comparable, Hashable, CustomStringConvertible {
  public let description: String
  /// Major, minor and patch, as digits without leading zeros: the specification sets no upper bound.
  private let core: [String]
  private let preRelease: [Identifier]

  private enum Identifier: Sendable, Hashable, Comparable {
    case numeric(String)
    case text(String)

    static func < (left: Identifier, right: Identifier) -> Bool {
      switch (left, right) {
      case (.numeric(let a), .numeric(let b)): SemanticVersion.isLess(a, b)
      case (.numeric, .text): true
      case (.text, .numeric): false
      case (.text(let a), .text(let b)): Array(a.utf8).lexicographicallyPrecedes(Array(b.utf8))
      }
    }
  }

  /// Nil if the text violates SemVer 2.0.0: leading `v`, missing parts, leading zeros, empty identifiers.
  public init?(_ text: String) {
    var rest = Substring(text)
    if let plus = rest.firstIndex(of: "+") {
      guard Self.identifiers(rest[rest.index(after: plus)...]) != nil else { return nil }
      rest = rest[..<plus]
    }
    var preRelease: [Identifier] = []
    if let dash = rest.firstIndex(of: "-") {
      guard let parts = Self.identifiers(rest[rest.index(after: dash)...]) else { return nil }
      for part in parts {
        if part.utf8.allSatisfy(Self.isDigit) {
          guard Self.isNumber(part) else { return nil }
          preRelease.append(.numeric(String(part)))
        } else {
          preRelease.append(.text(String(part)))
        }
      }
      rest = rest[..<dash]
    }
    let core = rest.split(separator: ".", omittingEmptySubsequences: false)
    guard core.count == 3, core.allSatisfy(Self.isNumber) else { return nil }
    self.core = core.map(String.init)
    self.preRelease = preRelease
    description = text
  }

  public static func == (left: SemanticVersion, right: SemanticVersion) -> Bool {
    left.core == right.core && left.preRelease == right.preRelease
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(core)
    hasher.combine(preRelease)
  }

  public static func < (left: SemanticVersion, right: SemanticVersion) -> Bool {
    for (a, b) in zip(left.core, right.core) where a != b { return isLess(a, b) }
    switch (left.preRelease.isEmpty, right.preRelease.isEmpty) {
    case (true, _): return false
    case (false, true): return true
    case (false, false): return left.preRelease.lexicographicallyPrecedes(right.preRelease)
    }
  }

  /// Compares numbers of any length without converting them.
  private static func isLess(_ a: String, _ b: String) -> Bool {
    a.utf8.count == b.utf8.count
      ? Array(a.utf8).lexicographicallyPrecedes(Array(b.utf8)) : a.utf8.count < b.utf8.count
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func isNumber(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(isDigit) && (text.utf8.count == 1 || text.first != "0")
  }

  private static func identifiers(_ text: Substring) -> [Substring]? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    let legal = parts.allSatisfy { part in
      !part.isEmpty
        && part.utf8.allSatisfy { byte in
          isDigit(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x2D
        }
    }
    return legal ? parts : nil
  }
}
