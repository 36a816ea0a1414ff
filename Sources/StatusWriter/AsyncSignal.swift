import Synchronization

/// Wakes waiting tasks when there is new work. A signal between a check and the wait is not lost: the waiter
/// passes the count of signals that it knew at the check.
final class AsyncSignal: Sendable {
  private struct State {
    var sent = 0
    var nextID = 0
    var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
  }

  private let state = Mutex(State())

  /// How many signals were sent so far.
  var sent: Int { state.withLock { $0.sent } }

  func send() {
    let waiters = state.withLock { state in
      state.sent += 1
      defer { state.waiters = [:] }
      return state.waiters
    }
    for waiter in waiters.values { waiter.resume() }
  }

  /// Returns when more than `sent` signals were sent, or the task is cancelled.
  func wait(after sent: Int) async {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          if state.sent > sent || Task.isCancelled { return true }
          state.waiters[id] = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
    }
  }
}
