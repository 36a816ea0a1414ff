import ClusterAPI
import Kubernetes
import Logging
import ServiceLifecycle

/// A leadership term: waits for leadership, leads, and waits again if leadership was lost.
struct Term: Sendable {
  let leadership: Leadership
  let lease: ObjectName
  let logger: Logger
  /// Called with the leader that this daemon waits for.
  var onWaiting: @Sendable (String) async -> Void = { _ in }
  /// Called with the Lease's annotations while this daemon leads.
  var onNotes: @Sendable ([String: String]) -> Void = { _ in }

  /// Runs the body while this daemon leads.
  ///
  /// - Parameter body: runs while this daemon leads; it must return on a graceful shutdown.
  /// - Throws: any error of the body; `CancellationError` if the daemon was stopped before it led.
  func lead<T: Sendable>(_ body: @escaping @Sendable (Leader) async throws -> T) async throws -> T {
    while true {
      do {
        return try await stand(body)
      } catch let lost as LeadershipLost {
        logger.warning("leadership.lost", metadata: ["reason": "\(lost)"])
      }
    }
  }

  /// Explains a missing namespace: the Lease is the first object that a daemon needs.
  private func explained(_ error: any Error, led: Bool) -> any Error {
    guard !led, let error = error as? APIError, error.kind == .notFound else { return error }
    return APIError(
      .notFound,
      "namespace \(lease.namespace) of the daemon's Lease does not exist: "
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
        // A leader has pending reports to write; a waiting daemon has none.
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
