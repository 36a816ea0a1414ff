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
  ///   - history: For the commit of each blocked change, whether the requested commit is that commit or contains it. A
  ///     commit that the repository does not have is absent.
  public func evaluate(
    _ object: Object?, blocked: BlockedChangeList, containsCommit: Bool = false, isAttempted: Bool = false,
    history: [String: Bool] = [:]
  ) -> Result {
    var isUnchanged = isAttempted
    if case .done(let commit) = goal {
      if let change = blockedChange(of: commit, blocked, isAttempted ? history : [:]) {
        return result(of: commit, blockedBy: change, object)
      }
      if !containsCommit, let change = blockedChange(of: commit, blocked, history) {
        // The requested commit may end this: the daemon has not judged it yet.
        return .pending("\(words(commit, change)); the daemon has not applied \(commit.prefix(7)) yet")
      }
      // Only a cluster without blocked changes is known to be unaffected by the requested commit.
      isUnchanged = isAttempted && !mayBeBlocked(blocked, history)
    }
    guard let object else { return .pending("\(cluster) does not exist yet") }
    guard let status = ClusterStatus(object.json["status"]), status.observedGeneration >= object.generation
    else {
      return .pending("\(cluster): its last change is not processed yet")
    }
    if case .done(let commit) = goal, !containsCommit, !isUnchanged {
      if isAttempted {
        return .pending(
          "\(cluster): it is unknown whether commit \(commit.prefix(7)) is applied, because changes of the cluster are "
            + "blocked; see kdops status \(cluster), and give --repo with a clone that has their commits")
      }
      let present = status.specCommit.map { "; its last one is \($0.prefix(7))" } ?? ""
      return .pending("\(cluster): commit \(commit.prefix(7)) is not applied yet\(present)")
    }
    if let retry = Self.requestedRetry(object, status) {
      return .pending("\(cluster): the retry of \(retry.prefix { $0 != "@" }) has not begun yet")
    }
    if let stall = status.stall { return .failed("\(cluster) is stalled: \(stall.message)") }
    let app = status.app.isEmpty ? "" : " with \(status.app)"
    if status.state == .configured, status.upgradeInfo == nil {
      return .reached("\(cluster) is configured\(app)\(containsCommit ? later(status.specCommit) : "")")
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

  /// The later commit that the cluster has now in place of the requested one, which it contains or reverts.
  private func later(_ present: String?) -> String {
    guard case .done(let commit) = goal, let present, !Self.isSame(present, commit) else { return "" }
    return ", by the later commit \(present.prefix(7)), which contains or reverts \(commit.prefix(7))"
  }

  /// A retry that was requested and has not begun.
  private static func requestedRetry(_ object: Object, _ status: ClusterStatus) -> String? {
    object.annotation(Wire.Annotation.retry).flatMap { $0 == status.lastRetry ? nil : $0 }
  }

  /// The blocked change of the requested commit or of one that it contains; first of all a rejected one.
  private func blockedChange(
    of commit: String, _ blocked: BlockedChangeList, _ history: [String: Bool]
  ) -> BlockedChange? {
    let all = blocked.changes.filter { change in
      guard change.concerns(cluster), !change.commit.isEmpty else { return false }
      return Self.isSame(change.commit, commit)
        || change.verdict != .unusable && history[change.commit] == true
    }
    return all.first { $0.verdict == .rejected } ?? all.first
  }

  /// Whether a change of the cluster is blocked that may be part of the requested commit.
  private func mayBeBlocked(_ blocked: BlockedChangeList, _ history: [String: Bool]) -> Bool {
    blocked.omitted > 0
      || blocked.changes.contains {
        $0.concerns(cluster) && $0.verdict != .unusable && history[$0.commit] != false
      }
  }

  /// The result while a change is blocked. A change that waits behind a stall waits until someone acts.
  private func result(of commit: String, blockedBy change: BlockedChange, _ object: Object?) -> Result {
    let words = words(commit, change)
    if change.verdict == .rejected { return .failed(words) }
    guard let object, let status = ClusterStatus(object.json["status"]),
      status.observedGeneration >= object.generation, let stall = status.stall,
      Self.requestedRetry(object, status) == nil
    else { return .pending(words) }
    return .failed("\(words); the cluster is stalled: \(stall.message)")
  }

  private func words(_ commit: String, _ change: BlockedChange) -> String {
    let which =
      Self.isSame(change.commit, commit)
      ? commit.prefix(7) : "\(change.commit.prefix(7)), which \(commit.prefix(7)) contains,"
    return "\(cluster): commit \(which) is blocked: \(change.message)"
  }

  private static func isSame(_ one: String, _ other: String) -> Bool {
    !one.isEmpty && (one.hasPrefix(other) || other.hasPrefix(one))
  }
}

extension WaitCondition.Result {
  /// The result if the daemon is known not to run: nothing changes any more.
  ///
  /// - Parameter remedy: What to do about it.
  public func withoutDaemon(_ remedy: String = "start one with kdops run") -> WaitCondition.Result {
    guard case .pending(let words) = self else { return self }
    return .failed("no daemon runs: \(remedy); \(words)")
  }
}
