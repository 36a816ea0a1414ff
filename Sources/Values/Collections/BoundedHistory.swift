import DequeModule

/// The newest entries by key, up to a limit. The oldest ones are dropped, however often they were changed since.
public struct BoundedHistory<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry {
    var number: Int
    var value: Value
  }

  /// The maximum number of entries.
  public let limit: Int
  private var entries: [Key: Entry] = [:]
  /// The keys in the order in which they were added. A key that was removed stays until it is the oldest one.
  private var order: Deque<(key: Key, number: Int)> = []
  private var lastNumber = 0

  public init(limit: Int) { self.limit = limit }

  public var isEmpty: Bool { entries.isEmpty }

  /// All entries, by key.
  public var all: [Key: Value] { entries.mapValues(\.value) }

  /// Nil removes an entry. A new value for an existing key does not make the entry newer.
  public subscript(key: Key) -> Value? {
    get { entries[key]?.value }
    set {
      guard let newValue else {
        entries[key] = nil
        return
      }
      guard entries[key] == nil else {
        entries[key]?.value = newValue
        return
      }
      lastNumber += 1
      entries[key] = Entry(number: lastNumber, value: newValue)
      order.append((key, lastNumber))
      guard order.count > limit, let oldest = order.popFirst() else { return }
      if entries[oldest.key]?.number == oldest.number { entries[oldest.key] = nil }
    }
  }

  public func contains(_ key: Key) -> Bool { entries[key] != nil }
}
