import Values

/// The uids of objects that were deleted last. A list that was made before a deletion, or the response to a write, may
/// still contain the object.
public struct Tombstones: Sendable {
  private var uids: BoundedHistory<String, Bool>

  /// - Parameter limit: the number of uids that are kept.
  public init(limit: Int) { uids = BoundedHistory(limit: limit) }

  public func contains(_ uid: String) -> Bool { uids.contains(uid) }

  /// Records a deleted object.
  public mutating func insert(_ uid: String) {
    guard !uid.isEmpty else { return }
    uids[uid] = true
  }

  /// Forgets the deletion of an object that the server reports as existing.
  public mutating func remove(_ uid: String) { uids[uid] = nil }
}
