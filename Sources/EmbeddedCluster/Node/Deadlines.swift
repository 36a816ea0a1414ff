/// A queue of the times at which pods need attention: a binary heap, the earliest time first.
///
/// Entries are never removed before their time; a pod that is woken too early ignores it.
struct Deadlines<Key: Sendable> {
  private var heap: [(time: Duration, key: Key)] = []

  var next: Duration? { heap.first?.time }
  var count: Int { heap.count }

  mutating func add(_ key: Key, at time: Duration) {
    heap.append((time, key))
    var child = heap.count - 1
    while child > 0, heap[child].time < heap[(child - 1) / 2].time {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  /// Removes and returns the earliest entry, if it is due.
  mutating func popDue(_ now: Duration) -> Key? {
    guard let first = heap.first, first.time <= now else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first.key }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < heap.count && heap[child].time < heap[least].time {
        least = child
      }
      guard least != parent else { return first.key }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
