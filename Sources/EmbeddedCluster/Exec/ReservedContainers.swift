import Synchronization

/// The containers in which commands are about to start, and which of these containers have ended since.
///
/// The actor finds the container, and the pod's queue starts the command. Between the two steps, the queue may
/// end the container.
final class ReservedContainers: Sendable {
  private struct Entry {
    var count = 0
    var hasEnded = false
  }

  private let entries = Mutex<[String: Entry]>([:])

  func enter(_ id: String) { entries.withLock { $0[id, default: Entry()].count += 1 } }

  func leave(_ id: String) {
    entries.withLock { entries in
      guard let entry = entries[id] else { return }
      entries[id] = entry.count > 1 ? Entry(count: entry.count - 1, hasEnded: entry.hasEnded) : nil
    }
  }

  func end(_ ids: [String]) { entries.withLock { entries in for id in ids { entries[id]?.hasEnded = true } } }

  func hasEnded(_ id: String) -> Bool { entries.withLock { $0[id]?.hasEnded ?? false } }
}
