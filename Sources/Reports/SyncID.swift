import KubeDirector

/// Identifies a request to fetch, so that its answer can be recognized without comparing times of different clocks.
public struct SyncID: Hashable, Sendable, CustomStringConvertible {
  /// 1 to 64 ASCII letters, digits, `-`, `.`, `_` or `:`.
  public let text: String

  public var description: String { text }

  /// Nil if the text has another form.
  public init?(_ text: String) {
    guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy(Self.isAllowed) else { return nil }
    self.text = text
  }

  /// The id of an annotation's value, which any client may have written. A value of another form is identified by its
  /// digest.
  public init(annotation value: String) {
    text = SyncID(value)?.text ?? Digest.hex(value.utf8, bytes: 16)
  }

  /// A new id.
  public static func random() -> SyncID {
    let number = UInt64.random(in: .min ... .max)
    return SyncID(annotation: "r" + String(number, radix: 16))
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "-._:".utf8.contains(byte)
    }
  }
}

/// How far a daemon is with a request to fetch.
public enum SyncProgress: String, Hashable, Sendable {
  /// The next fetch has not begun; one that was in progress at the request does not count.
  case requested
  case fetching
  /// The fetch has ended. The reconcile pass after it has not ended successfully yet.
  case applying
  case done
}
