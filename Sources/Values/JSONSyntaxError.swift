/// Why bytes are not JSON, and where.
public struct JSONSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// The grammar of RFC 8259 is broken.
    case syntax
    /// An object names the same member twice; the offset is that of the second.
    case duplicateKey
    /// Nested too deeply, or a number that no double can hold.
    case limit
    /// Not UTF-8, a byte order mark, or half of a surrogate pair.
    case encoding
  }

  public var kind: Kind
  /// How many bytes stand before the place.
  public var offset: Int
  /// What was found and what was expected. No trailing full stop.
  public var message: String

  public init(kind: Kind, offset: Int, message: String) {
    self.kind = kind
    self.offset = offset
    self.message = message
  }

  public var description: String { "\(message) (at byte \(offset))" }
}
