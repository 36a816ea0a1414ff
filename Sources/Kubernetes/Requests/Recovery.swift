import ClusterAPI
import Synchronization

/// Records when the server was last unavailable, because the errors of a restarted API server are transient.
///
/// An API server that has just started listening refuses all users until it has read the RBAC rules, accepts no
/// token until it has read the service accounts, and serves no custom kind until it has read the CRDs. That
/// takes some seconds and needs no action by the user.
final class Recovery: Sendable {
  /// How long after the server was unavailable a refusal counts as transient.
  static let span = Duration.seconds(30)

  private let time: Timekeeper
  private let lastAway = Mutex<Duration?>(nil)

  init(time: Timekeeper) { self.time = time }

  /// Call this when no connection was possible, or when a proxy reported that there is no server.
  func serverWasUnavailable() {
    let now = time.elapsed()
    lastAway.withLock { $0 = now }
  }

  private var isRecent: Bool {
    let now = time.elapsed()
    return lastAway.withLock { $0.map { now - $0 < Self.span } ?? false }
  }

  /// Returns the error, marked as transient if the server was unavailable recently.
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
