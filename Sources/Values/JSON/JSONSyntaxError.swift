/// An error in JSON text, and its place.
public struct JSONSyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// The text violates the grammar of RFC 8259.
    case syntax
    /// An object has the same member twice; the offset is that of the second.
    case duplicateKey
    /// The value is nested too deeply or holds too many values, or a number exceeds the range of a double.
    case limit
    /// Bytes that are not UTF-8, a byte order mark, or half of a surrogate pair.
    case encoding
  }

  public var kind: Kind
  /// The number of bytes before the place.
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
