extension JSON {
  /// The members of an object, in their original order.
  ///
  /// Names are equal if their bytes are, as in all other JSON implementations. Most objects have a handful of members:
  /// they are one array that is searched from its beginning, so that a copy of a tree costs one reference per object.
  /// Only a large object also has an index of its names.
  @frozen
  public struct Members: Sendable {
    @usableFromInline var entries: ContiguousArray<Entry>
    /// The position of each name; nil for a small object.
    @usableFromInline var positions: [ExactString: Int]?

    @frozen
    @usableFromInline
    struct Entry: Sendable {
      @usableFromInline let name: String
      @usableFromInline var value: JSON

      @inlinable init(name: String, value: JSON) { (self.name, self.value) = (name, value) }
    }

    /// The size above which an object has an index.
    private static let linearLimit = 16

    @inlinable public init() { entries = [] }

    @inlinable public init(minimumCapacity: Int) {
      entries = []
      entries.reserveCapacity(minimumCapacity)
    }

    /// Creates an object with one member, and storage for no more.
    @inlinable public init(only value: JSON, named name: String) {
      self.init(minimumCapacity: 1)
      entries.append(Entry(name: name, value: value))
    }

    /// - Parameter combine: Returns the value for a name that is repeated.
    public init(
      _ members: some Sequence<(key: String, value: JSON)>, uniquingKeysWith combine: (JSON, JSON) -> JSON
    ) {
      self.init(minimumCapacity: members.underestimatedCount)
      merge(members, uniquingKeysWith: combine)
    }

    /// The value of that name. Setting nil removes it, and setting a new name adds it at the end.
    @inlinable public subscript(name: String) -> JSON? {
      get { position(of: name).map { entries[$0].value } }
      _modify {
        let position = position(of: name)
        // Taken out, so that it is changed in place.
        var value: JSON?
        if let position { value = take(at: position) }
        defer { put(value, name, at: position) }
        yield &value
      }
    }

    @inlinable func position(of name: String) -> Int? {
      if let positions { return positions[ExactString(name)] }
      // The elements are read in place, because copying each would cost retain and release.
      return entries.withUnsafeBufferPointer { entries in
        guard let base = entries.baseAddress else { return nil }
        var position = 0
        while position < entries.count {
          if (base + position).pointee.name.isExactly(name) { return position }
          position += 1
        }
        return nil
      }
    }

    @usableFromInline mutating func take(at position: Int) -> JSON {
      var value = JSON.null
      swap(&value, &entries[position].value)
      return value
    }

    @usableFromInline mutating func put(_ value: JSON?, _ name: String, at position: Int?) {
      switch (position, value) {
      case (let position?, let value?): entries[position].value = value
      case (nil, let value?): append(value, name)
      case (let position?, nil): remove(at: position)
      case (nil, nil): break
      }
    }

    private mutating func append(_ value: JSON, _ name: String) {
      entries.append(Entry(name: name, value: value))
      if positions != nil {
        positions?[ExactString(name)] = entries.count - 1
      } else if entries.count > Self.linearLimit {
        positions = Dictionary(
          uniqueKeysWithValues: zip(entries.lazy.map { ExactString($0.name) }, entries.indices))
      }
    }

    private mutating func remove(at position: Int) {
      let entry = entries.remove(at: position)
      guard var positions else { return }
      self.positions = nil
      positions[ExactString(entry.name)] = nil
      for index in positions.values.indices where positions.values[index] > position {
        positions.values[index] -= 1
      }
      self.positions = positions
    }

    /// The names, in order.
    public var keys: some RandomAccessCollection<String> { entries.lazy.map(\.name) }
    /// The values, in the order of their names.
    public var values: some RandomAccessCollection<JSON> { entries.lazy.map(\.value) }

    /// - Returns: The previous value.
    @discardableResult
    public mutating func updateValue(_ value: JSON, forKey name: String) -> JSON? {
      let position = position(of: name)
      let previous = position.map { entries[$0].value }
      put(value, name, at: position)
      return previous
    }

    /// - Returns: The removed value.
    @discardableResult
    public mutating func removeValue(forKey name: String) -> JSON? {
      guard let position = position(of: name) else { return nil }
      let value = entries[position].value
      remove(at: position)
      return value
    }

    /// Adds other members.
    ///
    /// - Parameter combine: Returns the value for a name that both have.
    public mutating func merge(
      _ others: some Sequence<(key: String, value: JSON)>, uniquingKeysWith combine: (JSON, JSON) -> JSON
    ) {
      for (name, value) in others {
        let position = position(of: name)
        put(position.map { combine(entries[$0].value, value) } ?? value, name, at: position)
      }
    }
  }
}

extension JSON.Members: Equatable {
  /// Whether both have the same members, in any order.
  public static func == (left: JSON.Members, right: JSON.Members) -> Bool {
    guard left.count == right.count else { return false }
    // Trees that differ in one place share the storage of all other places.
    let isSame = left.entries.withUnsafeBufferPointer { one in
      right.entries.withUnsafeBufferPointer { $0.baseAddress == one.baseAddress }
    }
    if isSame { return true }
    return left.entries.indices.allSatisfy { at in
      let entry = left.entries[at]
      // Most often the order is the same too.
      let other =
        right.entries[at].name.isExactly(entry.name) ? right.entries[at].value : right[entry.name]
      return other == entry.value
    }
  }
}

extension JSON.Members: RandomAccessCollection {
  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { entries.count }

  @inlinable public subscript(position: Int) -> (key: String, value: JSON) {
    (entries[position].name, entries[position].value)
  }
}

extension JSON.Members: ExpressibleByDictionaryLiteral {
  /// If a name is repeated, the last value is used.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self.init(elements.lazy.map { (key: $0.0, value: $0.1) }, uniquingKeysWith: { _, last in last })
  }
}
