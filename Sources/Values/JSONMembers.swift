import OrderedCollections

extension JSON {
  /// The members of an object, in their original order.
  ///
  /// Names are equal if their bytes are, as in all other JSON implementations.
  @frozen
  public struct Members: Sendable {
    @usableFromInline var storage: OrderedDictionary<ExactString, JSON>

    @inlinable public init() { storage = [:] }
    @inlinable public init(minimumCapacity: Int) {
      storage = OrderedDictionary(minimumCapacity: minimumCapacity)
    }

    /// Creates an object with one member, and storage for no more.
    @inlinable public init(only value: JSON, named name: String) {
      storage = OrderedDictionary(minimumCapacity: 1)
      storage.updateValue(value, forKey: ExactString(name))
    }

    /// - Parameter combine: Returns the value for a name that is repeated.
    public init(
      _ members: some Sequence<(key: String, value: JSON)>, uniquingKeysWith combine: (JSON, JSON) -> JSON
    ) {
      storage = [:]
      merge(members, uniquingKeysWith: combine)
    }

    /// The value of that name. Setting nil removes it, and setting a new name adds it at the end.
    @inlinable public subscript(name: String) -> JSON? {
      get { storage[ExactString(name)] }
      _modify { yield &storage[ExactString(name)] }
    }

    /// The names, in order.
    public var keys: some RandomAccessCollection<String> { storage.keys.elements.lazy.map(\.wrappedValue) }
    /// The values, in the order of their names.
    public var values: some RandomAccessCollection<JSON> { storage.values.elements }

    /// - Returns: The previous value.
    @discardableResult
    @inlinable public mutating func updateValue(_ value: JSON, forKey name: String) -> JSON? {
      storage.updateValue(value, forKey: ExactString(name))
    }

    /// - Returns: The removed value.
    @discardableResult
    @inlinable public mutating func removeValue(forKey name: String) -> JSON? {
      storage.removeValue(forKey: ExactString(name))
    }

    /// Adds other members.
    ///
    /// - Parameter combine: Returns the value for a name that both have.
    public mutating func merge(
      _ others: some Sequence<(key: String, value: JSON)>, uniquingKeysWith combine: (JSON, JSON) -> JSON
    ) {
      for (name, value) in others { self[name] = self[name].map { combine($0, value) } ?? value }
    }
  }
}

extension JSON.Members: RandomAccessCollection {
  @inlinable public var startIndex: Int { 0 }
  @inlinable public var endIndex: Int { storage.count }

  @inlinable public subscript(position: Int) -> (key: String, value: JSON) {
    let element = storage.elements[position]
    return (element.key.wrappedValue, element.value)
  }
}

extension JSON.Members: ExpressibleByDictionaryLiteral {
  /// If a name is repeated, the last value is used.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    self.init(elements.lazy.map { (key: $0.0, value: $0.1) }, uniquingKeysWith: { _, last in last })
  }
}
