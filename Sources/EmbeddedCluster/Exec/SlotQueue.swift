import Synchronization

/// A semaphore with a fixed number of slots, served in the order of arrival.
final class SlotQueue: Sendable {
  private struct State {
    var free: Int
    var nextID = 0
    var waiting: [(id: Int, continuation: CheckedContinuation<Void, any Error>)] = []
    var cancelled: Set<Int> = []
  }

  private let state: Mutex<State>

  init(_ slots: Int) { state = Mutex(State(free: max(1, slots))) }

  /// - Throws: `CancellationError` if the task is cancelled while it waits; it then holds no slot.
  func acquire() async throws {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let outcome: Result<Void, any Error>? = state.withLock { state in
          if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
          if state.free > 0 {
            state.free -= 1
            return .success(())
          }
          state.waiting.append((id, continuation))
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        guard let index = state.waiting.firstIndex(where: { $0.id == id }) else {
          state.cancelled.insert(id)
          return CheckedContinuation<Void, any Error>?.none
        }
        return state.waiting.remove(at: index).continuation
      }
      waiter?.resume(throwing: CancellationError())
    }
    state.withLock { _ = $0.cancelled.remove(id) }
  }

  func release() {
    let next = state.withLock { state in
      guard state.waiting.isEmpty else { return Optional(state.waiting.removeFirst().continuation) }
      state.free += 1
      return nil
    }
    next?.resume()
  }
}

/// One slot for a running script. It is freed once, by the first caller of `free`.
final class Slot: Sendable {
  private let state: Mutex<SlotQueue?>

  init(_ queue: SlotQueue) { state = Mutex(queue) }

  func free() {
    let queue = state.withLock { queue in
      defer { queue = nil }
      return queue
    }
    queue?.release()
  }
}
