/// Decides the next actions for a StatefulSet, as Kubernetes' controller does.
///
/// Called again after each event of the set or its pods; each plan is one step. Rolling updates follow Kubernetes
/// 1.35.0: every pod that is not ready, of any revision, uses up the budget of one unavailable pod. So a stuck pod is
/// not replaced when its template is corrected (kubernetes/kubernetes#67250, #137409). Source: kubernetes/kubernetes,
/// `pkg/controller/statefulset/stateful_set_control.go`.
struct SetPlan {
  private let set: SetState
  private let pods: [SetPodState]
  private var actions: [SetAction] = []
  private var status: SetStatus
  /// The pod of each ordinal in the set's range.
  private var replicas: [SetPodState?] = []
  /// Pods beyond the range, the highest ordinal first.
  private var condemned: [SetPodState] = []

  static func actions(set: SetState, revisions: [RevisionState], pods: [SetPodState]) -> [SetAction] {
    var plan = SetPlan(set: set, pods: pods)
    let known = plan.settleRevisions(revisions)
    plan.countReplicas()
    if !set.isBeingDeleted { plan.movePods() }
    plan.finishStatus()
    plan.forgetRevisions(known)
    return plan.actions
  }

  private init(set: SetState, pods: [SetPodState]) {
    self.set = set
    self.pods = pods
    status = SetStatus(observedGeneration: set.generation)
    replicas = Array(repeating: nil, count: set.replicas)
    for pod in pods where pod.ordinal < set.replicas { replicas[pod.ordinal] = pod }
    condemned = pods.filter { $0.ordinal >= set.replicas }.sorted { $0.ordinal > $1.ordinal }
  }

  // MARK: Revisions

  /// Finds or creates the revision of the template. Returns all revisions, the newest last.
  private mutating func settleRevisions(_ given: [RevisionState]) -> [RevisionState] {
    var revisions = given.sorted { ($0.number, $0.name) < ($1.number, $1.name) }
    let next = (revisions.last?.number ?? 0) + 1
    if let index = revisions.firstIndex(where: { $0.name == set.templateRevision }) {
      if index != revisions.count - 1 {
        actions.append(.renumberRevision(name: set.templateRevision, number: next))
        var again = revisions.remove(at: index)
        again.number = next
        revisions.append(again)
      }
    } else {
      actions.append(.createRevision(name: set.templateRevision, number: next))
      revisions.append(RevisionState(name: set.templateRevision, number: next))
    }
    status.updateRevision = set.templateRevision
    let current = set.status.currentRevision
    status.currentRevision = revisions.contains { $0.name == current } ? current : set.templateRevision
    return revisions
  }

  /// Deletes unused revisions, the oldest first, until the history limit is met.
  private mutating func forgetRevisions(_ revisions: [RevisionState]) {
    let used = Set(pods.map(\.revision)).union([
      status.currentRevision, status.updateRevision, set.status.currentRevision,
    ])
    let unused = revisions.filter { !used.contains($0.name) }
    for revision in unused.dropLast(min(unused.count, set.historyLimit)) {
      actions.append(.deleteRevision(name: revision.name))
    }
  }

  // MARK: Pods

  private mutating func movePods() {
    guard placeReplicas(), removeCondemned() else { return }
    if case .rolling(let partition) = set.strategy { replaceOld(from: partition) }
  }

  /// Creates missing pods. Returns false if the set must wait before its next action.
  private mutating func placeReplicas() -> Bool {
    for (ordinal, pod) in replicas.enumerated() {
      guard let pod else {
        actions.append(.createPod(ordinal: ordinal, revision: revision(for: ordinal)))
        if set.isParallel { continue }
        return false
      }
      if pod.isFinished {
        if !pod.isTerminating { actions.append(.deletePod(name: pod.name)) }
        if set.isParallel { continue }
        return false
      }
      if !set.isParallel, pod.isTerminating || !pod.isReady { return false }
    }
    return true
  }

  /// Deletes surplus pods, the highest ordinal first.
  private mutating func removeCondemned() -> Bool {
    // With ordered management, every replica within the range is ready at this point.
    let firstUnavailable = condemned.last(where: Self.isUnavailable)?.name
    for pod in condemned {
      if pod.isTerminating {
        if set.isParallel { continue }
        return false
      }
      if !set.isParallel, !pod.isReady, pod.name != firstUnavailable { return false }
      actions.append(.deletePod(name: pod.name))
      if !set.isParallel { return false }
    }
    return true
  }

  /// Deletes pods of other revisions, the highest ordinal first, until the budget is used up.
  private mutating func replaceOld(from partition: Int) {
    let unavailable = replicas.count { $0.map(Self.isUnavailable) ?? true }
    var budget = set.allowedUnavailable - unavailable
    guard partition < replicas.count else { return }
    for ordinal in stride(from: replicas.count - 1, through: max(0, partition), by: -1) where budget > 0 {
      guard let pod = replicas[ordinal], pod.revision != status.updateRevision, !pod.isTerminating else {
        continue
      }
      actions.append(.deletePod(name: pod.name))
      status.currentReplicas -= 1
      budget -= 1
    }
  }

  /// Returns the revision for a pod that is created now.
  private func revision(for ordinal: Int) -> String {
    if case .rolling(let partition) = set.strategy, ordinal < partition { return status.currentRevision }
    return status.updateRevision
  }

  private static func isUnavailable(_ pod: SetPodState) -> Bool { !pod.isReady || pod.isTerminating }

  // MARK: Status

  private mutating func countReplicas() {
    for pod in pods {
      status.replicas += 1
      if pod.isReady { status.readyReplicas += 1 }
      guard !pod.isTerminating else { continue }
      if pod.revision == status.currentRevision { status.currentReplicas += 1 }
      if pod.revision == status.updateRevision { status.updatedReplicas += 1 }
    }
  }

  private mutating func finishStatus() {
    // `OnDelete` never advances the current revision, even if all pods have the new one.
    if case .rolling = set.strategy, status.updatedReplicas == set.replicas,
      status.readyReplicas == set.replicas,
      status.replicas == set.replicas
    {
      status.currentReplicas = status.updatedReplicas
      status.currentRevision = status.updateRevision
    }
    if status != set.status { actions.append(.writeStatus(status)) }
  }
}
