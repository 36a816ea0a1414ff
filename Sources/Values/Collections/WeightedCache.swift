/// A cache whose entries have weights. All entries are dropped before their weights exceed a limit together, so that
/// what it holds does not grow with its input. An entry that exceeds the limit alone is the only one.
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
