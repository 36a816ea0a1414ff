import DequeModule

/// The uids of pods that were deleted last: the response to our own write may arrive after the watch has reported the
/// deletion.
struct Tombstones {
  private var order: Deque<String> = []
  private var uids: Set<String> = []
  private let limit: Int

  init(limit: Int = 1024) { self.limit = limit }

  func contains(_ uid: String) -> Bool { uids.contains(uid) }

  mutating func insert(_ uid: String) {
    order.append(uid)
    uids.insert(uid)
    if order.count > limit { uids.remove(order.removeFirst()) }
  }

  mutating func remove(_ uid: String) { uids.remove(uid) }
}
