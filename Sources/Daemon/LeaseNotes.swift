import Synchronization

/// Passes the Lease's annotations from the task that renews the Lease to the task that handles commands.
///
/// Only the newest annotations count. A new term also receives those that were there before it began.
final class LeaseNotes: Sendable {
  private struct State {
    var notes: [String: String]?
    var listener: AsyncStream<[String: String]>.Continuation?
  }

  private let state = Mutex(State())

  func tell(_ notes: [String: String]) {
    state.withLock { state in
      state.notes = notes
      state.listener?.yield(notes)
    }
  }

  /// Passes each state of the annotations to the body until the task is cancelled.
  func follow(_ body: ([String: String]) async -> Void) async {
    let (stream, listener) = AsyncStream<[String: String]>.makeStream(bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      state.listener = listener
      if let notes = state.notes { listener.yield(notes) }
    }
    for await notes in stream { await body(notes) }
  }
}
