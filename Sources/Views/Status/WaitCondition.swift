import ClusterAPI
import Diagnostics
import KubeDirector
import Reports

/// Decides whether a cluster has reached the state that a user waits for.
public struct WaitCondition: Hashable, Sendable {
  public enum Goal: Hashable, Sendable {
    /// The cluster is configured as its object requires.
    case configured
    /// A commit is applied to the cluster, and the cluster is configured. The id may be abbreviated.
    case done(commit: String)
  }

  /// The result, with one sentence for users.
  public enum Result: Hashable, Sendable {
    case reached(String)
    /// The cluster does not reach the goal unless someone acts.
    case failed(String)
    case pending(String)
  }

  private let cluster: ObjectReference
  private let goal: Goal

  public init(_ cluster: ObjectReference, _ goal: Goal) { (self.cluster, self.goal) = (cluster, goal) }

  /// Evaluates one observation.
  ///
  /// - Parameters:
  ///   - object: Nil if the cluster does not exist.
  ///   - containsCommit: Whether the commit of the object's spec is the requested one or contains it.
  ///   - isAttempted: Whether the daemon has applied the requested commit, which may have left this cluster unchanged.
  public func evaluate(
    _ object: Object?, blocked: BlockedChangeList, containsCommit: Bool = false, isAttempted: Bool = false
  ) -> Result {
    if case .done(let commit) = goal, let result = result(of: commit, blocked) { return result }
    guard let object else { return .pending("\(cluster) does not exist yet") }
    guard let status = ClusterStatus(object.json["status"]), status.observedGeneration >= object.generation
    else {
      return .pending("\(cluster): its last change is not processed yet")
    }
    if case .done(let commit) = goal, !containsCommit, !isAttempted {
      let present = status.specCommit.map { "; its last one is \($0.prefix(7))" } ?? ""
      return .pending("\(cluster): commit \(commit.prefix(7)) is not applied yet\(present)")
    }
    if let retry = object.annotation(Wire.Annotation.retry), retry != status.lastRetry {
      return .pending("\(cluster): the retry of \(retry.prefix { $0 != "@" }) has not begun yet")
    }
    if let stall = status.stall { return .failed("\(cluster) is stalled: \(stall.message)") }
    let app = status.app.isEmpty ? "" : " with \(status.app)"
    if status.state == .configured, status.upgradeInfo == nil {
      return .reached("\(cluster) is configured\(app)")
    }
    if object.isSuspended {
      return .pending("\(cluster) is suspended; to resume: kdops resume \(cluster)")
    }
    guard let progress = UpgradeProgress(status) else {
      let done = status.members.count { $0.state == .configured }
      return .pending("\(cluster): \(done) of \(status.members.count) members are configured")
    }
    let way = progress.isRollingBack ? "rollback" : "upgrade"
    return .pending(
      "\(cluster): \(way) to \(progress.toApp), \(progress.done) of \(progress.total) pods are done")
  }

  /// The result if the requested commit is blocked.
  private func result(of commit: String, _ blocked: BlockedChangeList) -> Result? {
    let change = blocked.changes.first {
      $0.concerns(cluster) && ($0.commit.hasPrefix(commit) || commit.hasPrefix($0.commit))
        && !$0.commit.isEmpty
    }
    guard let change else { return nil }
    let words = "\(cluster): commit \(commit.prefix(7)) is blocked: \(change.message)"
    return change.verdict == .rejected ? .failed(words) : .pending(words)
  }
}
