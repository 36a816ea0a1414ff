import ClusterAPI

/// One transaction for all writes that callers make while it is being prepared.
struct GroupCommit<Waiter> {
  /// Can transition to: `preparing`, and from there back to `none`.
  private enum State {
    case none
    /// - failure: why writes made meanwhile did not reach the disk.
    case preparing(waiters: [Waiter], failure: APIError?)
  }

  private var state = State.none

  var isBeingPrepared: Bool {
    if case .preparing = state { true } else { false }
  }

  mutating func begin() { state = .preparing(waiters: [], failure: nil) }

  /// Adds a caller whose writes the transaction in preparation includes.
  mutating func join(_ waiter: Waiter) {
    guard case .preparing(var waiters, let failure) = state else { return }
    // Otherwise the array would be copied for each caller.
    state = .none
    waiters.append(waiter)
    state = .preparing(waiters: waiters, failure: failure)
  }

  /// Records that writes were lost. Without a transaction in preparation, no caller waits for them.
  mutating func fail(_ error: APIError) {
    guard case .preparing(let waiters, _) = state else { return }
    state = .preparing(waiters: waiters, failure: error)
  }

  /// Ends the transaction.
  /// - Returns: the callers that wait for it, and the error for them and for the caller that began it.
  mutating func end() -> (waiters: [Waiter], failure: APIError?) {
    guard case .preparing(let waiters, let failure) = state else { return ([], nil) }
    state = .none
    return (waiters, failure)
  }
}
