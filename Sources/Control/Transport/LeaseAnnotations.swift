import Synchronization

/// Passes the Lease's annotations from the task that renews the Lease to the task that handles commands.
///
/// Only the newest annotations count. A new term also receives those that were there before it began.
public final class LeaseAnnotations: Sendable {
  private struct State {
    var newest: [String: String]?
    var subscriber: AsyncStream<[String: String]>.Continuation?
  }

  private let state = Mutex(State())

  public init() {}

  /// Publishes the annotations as they are now.
  public func publish(_ annotations: [String: String]) {
    state.withLock { state in
      state.newest = annotations
      state.subscriber?.yield(annotations)
    }
  }

  /// Passes each state of the annotations to the body until the task is cancelled.
  func follow(_ body: ([String: String]) async -> Void) async {
    let (stream, subscriber) = AsyncStream<[String: String]>.makeStream(bufferingPolicy: .bufferingNewest(1))
    state.withLock { state in
      state.subscriber = subscriber
      if let newest = state.newest { subscriber.yield(newest) }
    }
    for await annotations in stream { await body(annotations) }
  }
}
