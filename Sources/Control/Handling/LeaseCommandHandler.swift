import KubeDirector
import Logging
import Reports

/// The commands in the annotations of a Lease that were not there before.
///
/// An annotation stays until the next command replaces it, so the next daemon handles it again: it fetches once more, and
/// follows a commit that was approved.
struct LeaseRequests: Hashable, Sendable {
  /// The request to fetch; nil for none.
  var sync: SyncID?
  /// The commit to approve; nil for none.
  var approved: String?

  /// - Parameter earlier: the annotations that were handled before.
  init(_ annotations: [String: String], after earlier: [String: String]) {
    func news(_ key: String) -> String? {
      annotations[key].flatMap { $0 == earlier[key] ? nil : $0 }
    }
    sync = news(Wire.Annotation.sync).map { SyncID(annotation: $0) }
    approved = news(Wire.Annotation.accept)
  }
}

/// Handles the commands that reach the leading daemon through its Lease.
public struct LeaseCommandHandler: Sendable {
  let daemon: any ControlledDaemon
  let logger: Logger

  public init(daemon: any ControlledDaemon, logger: Logger) { (self.daemon, self.logger) = (daemon, logger) }

  /// How often an approval is tried, once a second: a daemon that has just started has not fetched the commit yet.
  private static let acceptTries = 15

  /// Handles the commands in the annotations until the task is cancelled.
  public func handle(_ annotations: LeaseAnnotations) async {
    var earlier: [String: String] = [:]
    await annotations.follow { current in
      await handle(LeaseRequests(current, after: earlier))
      earlier = current
    }
  }

  private func handle(_ requests: LeaseRequests) async {
    if requests.sync != nil { logger.info("sync.asked") }
    guard let sha = requests.approved else {
      if let id = requests.sync { await daemon.sync(id) }
      return
    }
    if requests.sync != nil { await daemon.sync() }
    await accept(sha)
    // The pass that answers the request begins after the approval.
    if let id = requests.sync { await daemon.sync(id) }
  }

  private func accept(_ sha: String) async {
    for _ in 0..<Self.acceptTries {
      if await daemon.accept(sha) {
        logger.notice("history.accepted", metadata: ["commit": "\(sha.prefix(40))"])
        return
      }
      guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
    }
    logger.warning(
      "history.accept.void",
      metadata: ["commit": "\(sha.prefix(40))", "reason": "it is not the head that was fetched last"])
  }
}
