import Synchronization

/// A value that is set once and that many tasks can await. Cancelling one task only ends its own wait.
final class Completion<Value: Sendable>: Sendable {
  private struct State {
    var value: Value?
    var nextID = 0
    var waiting: [Int: CheckedContinuation<Value, any Error>] = [:]
    var cancelled: Set<Int> = []
  }

  private let state = Mutex(State())

  func complete(_ value: Value) {
    let waiting = state.withLock { state in
      guard state.value == nil else { return [Int: CheckedContinuation<Value, any Error>]() }
      state.value = value
      defer { state.waiting = [:] }
      return state.waiting
    }
    for continuation in waiting.values { continuation.resume(returning: value) }
  }

  /// - Throws: `CancellationError` only.
  func wait() async throws -> Value {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    return try await withTaskCancellationHandler {
      defer { state.withLock { _ = $0.cancelled.remove(id) } }
      return try await withCheckedThrowingContinuation {
        (continuation: CheckedContinuation<Value, any Error>) in
        let outcome: Result<Value, any Error>? = state.withLock { state in
          if let value = state.value { return .success(value) }
          if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
          state.waiting[id] = continuation
          return nil
        }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        guard let waiter = state.waiting.removeValue(forKey: id) else {
          state.cancelled.insert(id)
          return CheckedContinuation<Value, any Error>?.none
        }
        return waiter
      }
      waiter?.resume(throwing: CancellationError())
    }
  }
}
