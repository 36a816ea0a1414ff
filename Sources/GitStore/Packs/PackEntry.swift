import CLibgit2

/// The header of an entry in a pack.
struct PackEntryHeader {
  enum Content {
    case whole(git_object_t)
    /// A delta against the entry at an offset of the same pack.
    case delta(at: Int)
    /// A delta against the object with an id.
    case deltaOf(ObjectID)
  }

  let content: Content
  /// The unpacked size of the entry itself, in bytes: of the object, or of a delta's instructions.
  let size: Int
  /// The length of the header in bytes.
  let length: Int

  /// The length of the longest header, in bytes.
  static let longest = 10 + 20

  /// Parses the header at an offset of a pack; nil if it does not fit the format.
  init?(_ pack: UnsafeRawBufferPointer, at offset: Int) {
    guard offset > 0, offset < pack.count else { return nil }
    var place = offset
    let first = pack[place]
    place += 1
    var (size, shift, isOpen) = (Int(first & 0xf), 4, first & 0x80 != 0)
    while isOpen {
      guard place < pack.count, shift < 56 else { return nil }
      size |= Int(pack[place] & 0x7f) << shift
      isOpen = pack[place] & 0x80 != 0
      shift += 7
      place += 1
    }
    switch UInt32(first >> 4 & 7) {
    case 6:
      guard let distance = Self.distance(pack, &place), distance > 0, distance < offset else { return nil }
      content = .delta(at: offset - distance)
    case 7:
      guard pack.count - place >= ObjectID.byteCount, let start = pack.baseAddress else { return nil }
      content = .deltaOf(ObjectID(unchecked: start + place))
      place += ObjectID.byteCount
    case let type where (1...4).contains(type): content = .whole(git_object_t(rawValue: Int32(type)))
    default: return nil
    }
    self.size = size
    length = place - offset
  }

  /// Reads the distance back to the base: in groups of seven bits, the highest first.
  private static func distance(_ pack: UnsafeRawBufferPointer, _ place: inout Int) -> Int? {
    var distance = -1
    while place < pack.count, distance < 1 << 48 {
      let byte = pack[place]
      place += 1
      distance = (distance + 1) << 7 | Int(byte & 0x7f)
      if byte & 0x80 == 0 { return distance }
    }
    return nil
  }
}

/// The sizes at the beginning of a delta: of its base and of its result.
struct DeltaSizes {
  let base: Int
  let result: Int

  /// The most bytes that both take.
  static let longest = 20

  /// - Parameter bytes: the first unpacked bytes of the delta; the result is nil if they do not fit the format.
  init?(_ bytes: UnsafeRawBufferPointer) {
    var place = 0
    guard let base = Self.number(bytes, &place), let result = Self.number(bytes, &place) else { return nil }
    (self.base, self.result) = (base, result)
  }

  /// A number in groups of seven bits, the lowest first.
  private static func number(_ bytes: UnsafeRawBufferPointer, _ place: inout Int) -> Int? {
    var (number, shift) = (0, 0)
    while place < bytes.count, shift < 56 {
      number |= Int(bytes[place] & 0x7f) << shift
      shift += 7
      place += 1
      if bytes[place - 1] & 0x80 == 0 { return number }
    }
    return nil
  }
}
