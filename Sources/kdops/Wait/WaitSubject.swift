import ClusterAPI
import Control
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Views

/// A cluster that a command waits for.
final class WaitSubject {
  private let source: ClusterSource
  private let cluster: ObjectName
  private let reference: ObjectReference
  private let condition: WaitCondition
  /// The files that the daemon reads; nil if no repository is known.
  private let files: ClusterFiles?
  /// Nil if no commit is waited for.
  private let commit: WaitedCommit?
  /// Nil if neither the daemon nor blocked changes are read.
  private let daemon: DaemonSelection?
  private var reader: DaemonReader?
  private var absence: DaemonAbsence
  private var sign = LaterSign()
  private var unknownCommit: UnknownCommit?

  /// - Parameter daemon: The daemon's installation on Kubernetes; nil if blocked changes are not read.
  init(
    source: ClusterSource, cluster: ObjectName, goal: WaitCondition.Goal, commit: WaitedCommit? = nil,
    daemon: DaemonSelection? = nil, files: ClusterFiles? = nil
  ) {
    (self.source, self.cluster, self.commit, self.daemon) = (source, cluster, commit, daemon)
    self.files = files
    reader = daemon.map { DaemonReader(source, $0) }
    absence = DaemonAbsence(source)
    unknownCommit = commit.flatMap { $0.isKnown ? nil : UnknownCommit($0.id) }
    reference = ObjectReference(kind: Wire.clusterKind, namespace: cluster.namespace, name: cluster.name)
    condition = WaitCondition(reference, goal)
  }

  func evaluate() async throws -> WaitCondition.Result {
    do {
      if let undone = await commit?.undone(for: reference) { return .failed(undone) }
      // Before the cluster, so that it shows at least what the daemon has reported.
      let state = try await reader?.read()
      let result = try await observed(state)
      guard let daemon, let state, case .pending = result else { return result }
      if absence.isConfirmed(state, now: .now) {
        return result.withoutDaemon(DaemonAbsence.remedy(source.isRemote ? daemon.lease : nil))
      }
      return await explained(result, state)
    } catch let error as APIError where error.isTransient {
      return .pending("\(cluster): \(error)")
    }
  }

  private func observed(_ state: DaemonState?) async throws -> WaitCondition.Result {
    var blocked = BlockedChangeList()
    var isBlockedKnown = true
    let isApplied = await isApplied(state)
    if let daemon {
      do throws(APIError) { blocked = try await source.blocked(in: daemon.systemNamespace) } catch {
        guard error.kind == .forbidden else { throw error }
        isBlockedKnown = false
      }
    }
    var history: [String: Bool] = [:]
    for change in blocked.changes where history[change.commit] == nil {
      history[change.commit] = await commit?.contains(change.commit)
    }
    let object = try await source.clusters(.cluster(cluster)).first
    if object == nil, let daemon, let words = await absence(at: await source.lastAttempted(daemon)) {
      return .failed(words)
    }
    let present = object?.json["status"]?["specCommit"]?.string
    let result = condition.evaluate(
      object, blocked: blocked, containsCommit: await commit?.isPart(of: present) ?? false,
      isAttempted: isApplied && isBlockedKnown, history: history)
    guard let daemon, !isBlockedKnown, case .pending = result else { return result }
    return result.adding(
      "blocked changes are unknown: you may not get ConfigMaps in \(daemon.systemNamespace)")
  }

  /// Why a cluster that does not exist will not be created: no commit that could create it has its file. Nil if a
  /// commit has it, or if the repository has not enough history to decide.
  private func absence(at applied: String?) async -> String? {
    guard let files else { return nil }
    if let commit {
      guard await files.has(reference, at: commit.id) == false else { return nil }
      return files.missing(reference, at: commit.id)
    }
    guard let applied, await files.has(reference, at: applied) == false else { return nil }
    // A commit of this clone may be pushed and not fetched yet.
    if let head = await files.head(), await files.has(reference, at: head) != false { return nil }
    return files.missing(reference, at: applied)
  }

  /// Whether the daemon has applied the commit, which may have left this cluster unchanged.
  private func isApplied(_ state: DaemonState?) async -> Bool {
    guard let commit, let daemon, let state else { return false }
    if state.synced != nil { return await commit.isPart(of: state.applied) }
    // An older daemon records a commit before it applies it, so that a later sign of life is waited for.
    let isAttempted = await commit.isPart(of: await source.lastAttempted(daemon))
    return sign.isLater(than: isAttempted, state.seen)
  }

  /// The result with what is not known about the daemon and the commit.
  private func explained(
    _ result: WaitCondition.Result, _ state: DaemonState
  ) async -> WaitCondition.Result {
    guard let commit, let daemon else { return result }
    guard unknownCommit != nil else {
      return state.isOlder ? result.adding(DaemonAbsence.olderVersion) : result
    }
    let attempted = await source.lastAttempted(daemon)
    // Between the two, the daemon applies a head that it has just fetched.
    let head = state.synced == nil || state.applied == attempted ? attempted : nil
    var isOutside: Bool?
    if let head { isOutside = await commit.isOutside(head) }
    switch unknownCommit?.evaluate(head: head, isOutside: isOutside, fetched: state.fetched) {
    case .failed(let words): return .failed("\(cluster): \(words)")
    case .pending(let words): return result.adding(words)
    case nil: return result
    }
  }
}

extension WaitCondition.Result {
  /// The result with one more clause.
  func adding(_ clause: String) -> WaitCondition.Result {
    switch self {
    case .reached(let words): .reached("\(words); \(clause)")
    case .failed(let words): .failed("\(words); \(clause)")
    case .pending(let words): .pending("\(words); \(clause)")
    }
  }
}
