/// A string that is compared, hashed and sorted by its UTF-8 bytes.
///
/// For `String`, canonically equivalent texts are equal: `é` as one scalar and as `e` with a combining accent. For
/// git, Kubernetes and files they are two different names. Therefore names of things outside the program (a path, an
/// object, a JSON member) use this type: as the key of a dictionary, or as `@ExactString` before a property of a type
/// whose equality is synthesized.
@frozen
@propertyWrapper
public struct ExactString: Sendable {
  public var wrappedValue: String

  @inlinable public init(wrappedValue: String) { self.wrappedValue = wrappedValue }

  /// Creates a dictionary key for a text.
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
    // As `String` does, so that two consecutive texts hash differently from the same bytes split elsewhere.
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
  /// Whether two texts have the same bytes. `==` is also true for canonically equivalent texts.
  @inlinable public func isExactly(_ other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    let answer = utf8.withContiguousStorageIfAvailable { one in
      other.utf8.withContiguousStorageIfAvailable { other in
        let (one, other) = (UnsafeRawBufferPointer(one), UnsafeRawBufferPointer(other))
        var at = 0
        while at &+ 8 <= one.count {
          guard
            one.loadUnaligned(fromByteOffset: at, as: UInt64.self)
              == other.loadUnaligned(fromByteOffset: at, as: UInt64.self)
          else { return false }
          at &+= 8
        }
        while at < one.count, one[at] == other[at] { at &+= 1 }
        return at == one.count
      }
    }
    return (answer ?? nil) ?? utf8.elementsEqual(other.utf8)
  }

  /// Whether this text comes first in byte order, which is the order of Unicode scalars and of git.
  @inlinable public func sortsExactly(before other: String) -> Bool {
    // As fast as `<` of strings in ASCII; the generic comparison of the views takes ten times as long.
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

  /// Whether the bytes begin with those of another text. `hasPrefix` compares whole characters, which include
  /// combining marks.
  @inlinable public func startsExactly(with prefix: some StringProtocol) -> Bool {
    utf8.starts(with: prefix.utf8)
  }

  /// Whether the bytes end with those of another text.
  @inlinable public func endsExactly(with suffix: some StringProtocol) -> Bool {
    utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// The text after a prefix, cut after the prefix's last byte; nil if the text does not have the prefix.
  @inlinable public func cutting(prefix: String) -> Substring? {
    startsExactly(with: prefix) ? self[utf8.index(startIndex, offsetBy: prefix.utf8.count)...] : nil
  }

  /// The text before a suffix, cut before the suffix's first byte; nil if the text does not have the suffix.
  @inlinable public func cutting(suffix: String) -> Substring? {
    endsExactly(with: suffix) ? self[..<utf8.index(endIndex, offsetBy: -suffix.utf8.count)] : nil
  }

  /// The parts between an ASCII separator, even if combining marks follow the separator, or a `\r` precedes a `\n`.
  public func parts(separatedBy separator: Unicode.Scalar, omittingEmpty: Bool = false) -> [Substring] {
    unicodeScalars.split(separator: separator, omittingEmptySubsequences: omittingEmpty).map(Substring.init)
  }
}

extension String? {
  /// Whether both are nil or have the same bytes.
  @inlinable public func isExactly(_ other: String?) -> Bool {
    switch (self, other) {
    case (let one?, let another?): one.isExactly(another)
    case (nil, nil): true
    default: false
    }
  }
}

extension Sequence<String> {
  /// Sorted in byte order.
  @inlinable public func sortedExactly() -> [String] { sorted { $0.sortsExactly(before: $1) } }
}
