import ClusterAPI
import Kubernetes
import Logging
import ServiceLifecycle

/// Waits to lead, leads, and stands again where leading was lost.
struct Term: Sendable {
  let leadership: Leadership
  let lease: ObjectName
  let logger: Logger
  /// Told whom this daemon waits for.
  var onWaiting: @Sendable (String) async -> Void = { _ in }
  /// Told of the lease's annotations while this daemon leads.
  var onNotes: @Sendable ([String: String]) -> Void = { _ in }

  /// - Parameter body: runs while this daemon leads; ends by itself on a graceful stop.
  /// - Throws: what the body throws; `CancellationError` where it was stopped before it led.
  func lead<T: Sendable>(_ body: @escaping @Sendable (Leader) async throws -> T) async throws -> T {
    while true {
      do {
        return try await stand(body)
      } catch let lost as LeadershipLost {
        logger.warning("leadership.lost", metadata: ["reason": "\(lost)"])
      }
    }
  }

  /// The first thing that a daemon needs of its own is a place for its lease.
  private func explained(_ error: any Error, led: Bool) -> any Error {
    guard !led, let error = error as? APIError, error.kind == .notFound else { return error }
    return APIError(
      .notFound,
      "namespace \(lease.namespace) is missing, where the daemon's lease belongs: "
        + "kubectl create namespace \(lease.namespace), or kdops install --export | kubectl apply -f -")
  }

  private func stand<T: Sendable>(_ body: @escaping @Sendable (Leader) async throws -> T) async throws -> T {
    let leads = Shared(false)
    do {
      return try await stand(leads, body)
    } catch {
      throw explained(error, led: leads.value)
    }
  }

  private func stand<T: Sendable>(
    _ leads: Shared<Bool>, _ body: @escaping @Sendable (Leader) async throws -> T
  ) async throws -> T {
    try await withThrowingTaskGroup(of: T?.self) { group in
      group.addTask {
        try await leadership.hold(
          onWaiting: { holder in
            logger.notice("leadership.awaited", metadata: ["holder": "\(holder)"])
            await onWaiting(holder)
          },
          onFailure: { error in
            logger.warning("leadership.unclear", metadata: ["error": "\(error)"])
          },
          onNotes: onNotes
        ) { leader in
          leads.value = true
          logger.notice("leadership.taken", metadata: ["identity": "\(leader.identity)"])
          return try await body(leader)
        }
      }
      group.addTask {
        try await gracefulShutdown()
        // Whoever leads has last words to write; whoever waits has none.
        if leads.value { return nil }
        throw CancellationError()
      }
      defer { group.cancelAll() }
      while let ended = try await group.next() {
        if let ended { return ended }
      }
      throw CancellationError()
    }
  }
}
