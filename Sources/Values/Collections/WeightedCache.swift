/// A cache whose entries have weights. When a new entry would raise the total weight above the limit, all other entries
/// are dropped. So an entry that alone exceeds the limit is the only entry.
public struct WeightedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let limit: Int
  private var entries: [Key: Value] = [:]
  private var weight = 0

  public init(limit: Int) { self.limit = limit }

  public subscript(key: Key) -> Value? { entries[key] }

  /// Adds an entry for a key that has none.
  public mutating func insert(_ value: Value, weight more: Int, for key: Key) {
    if weight + more > limit { (entries, weight) = ([:], 0) }
    entries[key] = value
    weight += more
  }
}
