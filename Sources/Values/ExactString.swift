/// A string that equals, hashes and sorts by its bytes of UTF-8.
///
/// To `String` itself canonically equivalent texts are equal: `é` as one scalar and as `e` with a combining accent. To git,
/// Kubernetes and every file they are two names. So whatever names something outside the program (a path, an object, a
/// member of JSON) is kept and looked up as this: as the key of a table, or `@ExactString` before a property of a type
/// whose equality is made by the compiler.
@frozen
@propertyWrapper
public struct ExactString: Sendable {
  public var wrappedValue: String

  @inlinable public init(wrappedValue: String) { self.wrappedValue = wrappedValue }

  /// The key of a table for a text.
  @inlinable public init(_ text: String) { wrappedValue = text }
}

extension ExactString: Hashable {
  @inlinable public static func == (left: ExactString, right: ExactString) -> Bool {
    left.wrappedValue.isExactly(right.wrappedValue)
  }

  @inlinable public func hash(into hasher: inout Hasher) {
    let isDone: Void? = wrappedValue.utf8.withContiguousStorageIfAvailable {
      hasher.combine(bytes: UnsafeRawBufferPointer($0))
    }
    if isDone == nil { Array(wrappedValue.utf8).withUnsafeBytes { hasher.combine(bytes: $0) } }
    // As `String` does, so that two texts in a row differ from the same bytes cut elsewhere.
    hasher.combine(0xFF as UInt8)
  }
}

extension ExactString: Comparable {
  @inlinable public static func < (left: ExactString, right: ExactString) -> Bool {
    left.wrappedValue.sortsExactly(before: right.wrappedValue)
  }
}

extension ExactString: CustomStringConvertible, ExpressibleByStringLiteral {
  @inlinable public init(stringLiteral value: String) { wrappedValue = value }
  public var description: String { wrappedValue }
}

extension String {
  /// Whether two texts have the same bytes. `==` says so of canonically equivalent ones too.
  @inlinable public func isExactly(_ other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    let answer = utf8.withContiguousStorageIfAvailable { one in
      other.utf8.withContiguousStorageIfAvailable { other in
        var at = 0
        while at < one.count, one[at] == other[at] { at += 1 }
        return at == one.count
      }
    }
    return (answer ?? nil) ?? utf8.elementsEqual(other.utf8)
  }

  /// Whether this text comes first in the order of bytes, which is that of Unicode scalars and of git.
  @inlinable public func sortsExactly(before other: String) -> Bool {
    // As fast as `<` of strings in ASCII; the general way over the views takes ten times that.
    let answer = utf8.withContiguousStorageIfAvailable { one in
      other.utf8.withContiguousStorageIfAvailable { other in
        let count = min(one.count, other.count)
        var at = 0
        while at < count, one[at] == other[at] { at += 1 }
        return at < count ? one[at] < other[at] : one.count < other.count
      }
    }
    return (answer ?? nil) ?? utf8.lexicographicallyPrecedes(other.utf8)
  }

  /// Whether the bytes begin with those of another text. `hasPrefix` looks at whole characters, to which a combining mark
  /// belongs.
  @inlinable public func startsExactly(with prefix: some StringProtocol) -> Bool {
    utf8.starts(with: prefix.utf8)
  }

  /// Whether the bytes end with those of another text.
  @inlinable public func endsExactly(with suffix: some StringProtocol) -> Bool {
    utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// What follows a prefix, cut after its last byte; nil where it is not there.
  @inlinable public func cutting(prefix: String) -> Substring? {
    startsExactly(with: prefix) ? self[utf8.index(startIndex, offsetBy: prefix.utf8.count)...] : nil
  }

  /// What stands before a suffix, cut before its first byte; nil where it is not there.
  @inlinable public func cutting(suffix: String) -> Substring? {
    endsExactly(with: suffix) ? self[..<utf8.index(endIndex, offsetBy: -suffix.utf8.count)] : nil
  }

  /// The parts between a byte of ASCII, cut whatever combining marks stand behind it, and for `\n` also where a `\r` stands
  /// before it.
  public func parts(separatedBy separator: Unicode.Scalar, omittingEmpty: Bool = false) -> [Substring] {
    unicodeScalars.split(separator: separator, omittingEmptySubsequences: omittingEmpty).map(Substring.init)
  }
}

extension String? {
  /// Whether both are absent, or have the same bytes.
  @inlinable public func isExactly(_ other: String?) -> Bool {
    switch (self, other) {
    case (let one?, let another?): one.isExactly(another)
    case (nil, nil): true
    default: false
    }
  }
}

extension Sequence<String> {
  /// In the order of bytes.
  @inlinable public func sortedExactly() -> [String] { sorted { $0.sortsExactly(before: $1) } }
}
