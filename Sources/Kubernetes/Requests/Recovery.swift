import ClusterAPI
import Synchronization

/// Remembers when the server was away, to read what it says right after that rightly.
///
/// An API server that has just begun to listen refuses everybody until it has read who may do what, knows no token
/// until it has read the accounts, and serves no custom kind until it has read the definitions. All of that takes it
/// some seconds, and none of it is anybody's to mend.
final class Recovery: Sendable {
  /// How long after the server was away a refusal counts as one that passes.
  static let span = Duration.seconds(30)

  private let time: Timekeeper
  private let lastAway = Mutex<Duration?>(nil)

  init(time: Timekeeper) { self.time = time }

  /// No connection could be had, or somebody in between said that there is no server.
  func sawAway() {
    let now = time.elapsed()
    lastAway.withLock { $0 = now }
  }

  private var isRecent: Bool {
    let now = time.elapsed()
    return lastAway.withLock { $0.map { now - $0 < Self.span } ?? false }
  }

  /// The error as it is to be taken now.
  func judged(_ error: APIError) -> APIError {
    switch error.kind {
    case .unauthorized, .forbidden, .unsupported:
      guard isRecent else { return error }
      return APIError(
        .unavailable, "\(error.message); the server was away until a moment ago, so this may pass",
        retryAfter: error.retryAfter)
    default: return error
    }
  }
}
