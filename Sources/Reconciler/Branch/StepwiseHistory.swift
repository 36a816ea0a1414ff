import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Manifests
import Reports
import Rules

/// How a daemon handles several commits that arrive together.
public enum History: String, Sendable, Hashable, CaseIterable {
  /// The commits are applied as one change.
  case net
  /// The commits along first parents are carried out one after another, each to its end.
  case stepwise
}

/// The commits that are still to be applied, one after another.
struct StepwiseHistory {
  /// The head at which the sequence ends.
  var target: ObjectID
  /// The commits, oldest first.
  var commits: [ObjectID]
  /// True if the start was derived from the live objects, so that a missing object may have been deleted since.
  var isResumed = false
  /// The running upgrades for which the commits were searched for a rollback.
  var searched: [ObjectReference: String]?

  mutating func pass(_ commit: ObjectID) {
    guard let index = commits.firstIndex(of: commit) else { return }
    commits.removeFirst(index + 1)
    searched = nil
  }
}

extension Reconciler {
  /// How many commits a sequence may contain; a longer history is applied as one change.
  private static let walkLimit = 10_000

  /// The rules that block a change only until something else ends.
  private static let passingRules: Set<String> = [
    "cluster/busy", "cluster/role-read-only", "upgrade/configured", "rollback/only-prev-app", "rollback/once",
  ]

  /// The commit to apply next; nil if the head is reached, or if work in progress must end first.
  func nextStep(to head: ObjectID, in repository: GitRepository) async throws -> ObjectID? {
    guard head != desired.head, head != refused else { return nil }
    guard settings.history == .stepwise else { return head }
    if stepwise?.target != head { stepwise = try await plan(to: head, in: repository) }
    guard let next = stepwise?.commits.first else { return head }
    guard desired.head != nil, isUnderWay else { return next }
    return try await rollbackAhead(in: repository)
  }

  /// Whether the next commit can be applied at once.
  var mayStep: Bool {
    settings.history == .stepwise && goal != desired.head && goal != refused
      && stepwise?.commits.isEmpty == false && !isUnderWay
  }

  /// Whether work is in progress that continues by itself. Work that needs a person or a later commit is no reason to
  /// wait.
  private var isUnderWay: Bool {
    if toJudge.objects.contains(where: { blocked[$0] == nil }) { return true }
    return ledger.current.contains { report in
      guard report.kind == Wire.clusterKind, !needsSomebody(report.reference) else { return false }
      switch report.phase {
      case .pending, .upgrading, .rollingBack: return true
      case .waiting:
        return Self.passingRules.isSuperset(of: report.rules)
          && liveState.status(of: report.reference)?.stall == nil
      case .done, .rejected, .failed: return false
      }
    }
  }

  func isSuspended(_ reference: ObjectReference) -> Bool {
    liveState.objects[reference]?.isSuspended == true
  }

  /// Whether the cluster continues only after someone acts: on the cluster itself or, if it waits for a connected
  /// cluster, on that one.
  func needsSomebody(_ reference: ObjectReference) -> Bool {
    if isSuspended(reference) { return true }
    guard liveState.status(of: reference)?.wait != nil,
      let cluster = liveState.objects[reference].flatMap({ Cluster($0.json) })
    else { return false }
    return cluster.spec.connections.clusters.contains { name in
      let neighbour = ObjectReference.cluster(reference.namespace, name)
      guard let status = liveState.status(of: neighbour), status.state != .configured else { return false }
      return status.stall != nil || isSuspended(neighbour)
    }
  }

  /// Plans the commits from the last attempted revision to the head. After a restart, the record in the cluster or the
  /// local repository has that revision. If neither does, the sequence starts at the newest commit that a live object
  /// came from.
  private func plan(to head: ObjectID, in repository: GitRepository) async throws -> StepwiseHistory {
    func way(from base: ObjectID) async throws -> [ObjectID]? {
      let log = try await repository.firstParentLog(from: base, to: head, limit: Self.walkLimit)
      return log.reachedBase ? log.commits.map(\.id) : nil
    }
    if let base = desired.head {
      return StepwiseHistory(target: head, commits: try await way(from: base) ?? [head])
    }
    if let lastAttempted = try await lastAttempted(in: repository) {
      return StepwiseHistory(
        target: head, commits: try await way(from: lastAttempted).map { [lastAttempted] + $0 } ?? [head])
    }
    let known = liveState.commits
    let log = try await repository.firstParentLog(from: nil, to: head, limit: Self.walkLimit).commits.map(
      \.id)
    guard !known.isEmpty, let start = log.lastIndex(where: known.contains) else {
      return StepwiseHistory(target: head, commits: [head])
    }
    return StepwiseHistory(target: head, commits: Array(log[start...]), isResumed: true)
  }

  /// The first commit ahead that rolls a running upgrade back; it does not wait until the upgrade has ended. The
  /// commits before it are applied with it, as one change.
  private func rollbackAhead(in repository: GitRepository) async throws -> ObjectID? {
    var running: [ObjectReference: String] = [:]
    for reference in ledger.current.map(\.reference) where reference.kind == Wire.clusterKind {
      guard let info = liveState.status(of: reference)?.upgradeInfo, !info.isRollingBack else { continue }
      running[reference] = info.prevApp
    }
    guard let stepwise, !running.isEmpty, stepwise.searched != running else { return nil }
    self.stepwise?.searched = running
    var search = RollbackSearch()
    do throws(GitError) {
      for commit in stepwise.commits {
        for (reference, prevApp) in running {
          if try await search.asks(for: prevApp, of: reference, at: commit, desired, in: repository) {
            return commit
          }
        }
      }
    } catch {
      guard error.kind == .tooLarge else { throw error }
      logger.warning(
        "history.limited",
        metadata: [
          "commit": "\(stepwise.target.short)", "reason": "\(error.message)",
          "effect": "a rollback in these commits is not found ahead; they are applied one after another",
          "hint": "push fewer commits at once, or retry the upgrade that runs",
        ])
    }
    return nil
  }
}
