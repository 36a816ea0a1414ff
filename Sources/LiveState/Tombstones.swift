import Values

/// The uids of objects that were deleted last, with the version of each deletion. A list that was made before a
/// deletion, or the response to a write, may still contain the object.
struct Tombstones: Sendable {
  /// The versions of the deletions; nil if the server's versions are not numbers.
  private var versions: BoundedHistory<String, Int?>

  /// - Parameter limit: the number of uids that are kept.
  init(limit: Int) { versions = BoundedHistory(limit: limit) }

  /// Whether an object was deleted after it had this version. A label selector reports an object as deleted that has
  /// lost the label, and the same object again when it has the label back: with a newer version, it exists.
  ///
  /// - Parameter isOrdered: whether the object is reported in the order of its changes. Without numbers, only such a
  ///   report shows that it exists again.
  func hide(_ uid: String, version: Int?, isOrdered: Bool) -> Bool {
    guard let deletion = versions[uid] else { return false }
    guard let deletion, let version else { return !isOrdered }
    return version <= deletion
  }

  /// Records a deleted object.
  mutating func insert(_ uid: String, version: Int?) {
    guard !uid.isEmpty else { return }
    versions[uid] = .some(version)
  }

  /// Forgets the deletion of an object that the server reports as existing.
  mutating func remove(_ uid: String) {
    if versions.contains(uid) { versions[uid] = nil }
  }

  mutating func removeAll() { versions = BoundedHistory(limit: versions.limit) }
}
