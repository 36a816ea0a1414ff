import Synchronization

/// What people note on the lease, on its way from whoever renews it to whoever heeds it.
///
/// Only the newest counts, and a term that begins hears what stood there before.
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

  /// Hands each state of the notes on, until the task is cancelled.
  func follow(_ body: ([String: String]) async -> Void) async {
    let (stream, listener) = AsyncStream<[String: String]>.makeStream(bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      state.listener = listener
      if let notes = state.notes { listener.yield(notes) }
    }
    for await notes in stream { await body(notes) }
  }
}
