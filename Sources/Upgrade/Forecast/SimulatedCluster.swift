import KubeDirector

/// A simulated cluster in which everything succeeds at once: sets have observed every change, new pods run, and each
/// pod order has finished by the next step.
struct SimulatedCluster {
  private(set) var observed: Observation
  private let apps: [String: AppSpec]
  private var counter = 0
  /// The number of members by role that an upgrade finishes before its next pod fails to start; nil if all start.
  var standstill: [String: Int]?

  init(_ cluster: Cluster, _ apps: [App]) {
    var specs: [String: AppSpec] = [:]
    var annotations: [String: [String: String]] = [:]
    for app in apps {
      specs[app.metadata.name] = app.spec
      annotations[app.metadata.name] = app.metadata.annotations
    }
    self.apps = specs
    observed = Observation(
      cluster: cluster, isStamped: true, status: nil, apps: specs, appAnnotations: annotations,
      memberServices: nil, now: 0)
    take(cluster)
  }

  /// Replaces the desired state of the cluster.
  mutating func take(_ cluster: Cluster) {
    let generation = observed.cluster.metadata.generation + 1
    observed.cluster = cluster
    observed.cluster.metadata.generation = generation
    // A forecast ignores suspension and retry requests.
    observed.cluster.metadata.annotations[Wire.Annotation.suspend] = nil
    observed.cluster.metadata.annotations[Wire.Annotation.retry] = nil
    let named = cluster.spec.connections
    let marks =
      (named.clusters.map { "clusters/\($0)" } + named.configMaps.map { "configmaps/\($0)" })
      + named.secrets.map { "secrets/\($0)" }
    if !marks.isEmpty || observed.connections != nil {
      // Connected objects are assumed to exist.
      observed.connections = ConnectionsObservation(
        marks: Dictionary(marks.map { ($0, "there") }, uniquingKeysWith: { one, _ in one }))
    }
  }

  /// Runs steps until nothing more happens.
  ///
  /// - Parameter onStep: called with the simulated cluster after each step.
  mutating func settle(_ onStep: (SimulatedCluster) -> Void = { _ in }) -> ForecastRecord {
    var record = ForecastRecord()
    // More steps than any pod needs. A cluster that is not at rest by then has met an obstacle.
    let members = observed.cluster.spec.roles.reduce(0) { $0 + ($1.members ?? 1) } + ClusterSpec.memberLimit
    for step in 0..<(20 * members) {
      guard let decision = ClusterMachine.step(observed) else { break }
      let isNews = decision.status.withoutJournal != observed.status?.withoutJournal
      observed.status = decision.status
      observed.status?.journal = Journal()
      observed.work = [:]
      observed.now += 1
      record.note(decision, step, in: self)
      var isMoving = false
      for action in decision.actions where perform(action) { isMoving = true }
      for role in observed.sets.keys.sorted() where sync(role) { isMoving = true }
      onStep(self)
      if !isNews, !isMoving { break }
    }
    return record
  }

  // MARK: State

  var status: ClusterStatus? { observed.status }
  var isUpgrading: Bool { status?.upgradeInfo?.isRollingBack == false }
  /// The owners' constraints on the running upgrade or rollback; nil if none runs.
  var plan: UpgradePlan? { status?.upgradeInfo.map { ClusterMachine(observed).plan($0) } }
  var canReturn: Bool { ClusterMachine(observed).reasonNotToReturn == nil }

  /// The number of members of each role that the running upgrade has finished.
  var done: [String: Int] {
    guard let status, let info = status.upgradeInfo else { return [:] }
    return Dictionary(
      status.roles.map { role in
        (role.id, role.members.count { $0.upgrade?.id == info.id && $0.upgrade?.done == true })
      }, uniquingKeysWith: { one, _ in one })
  }

  func image(of role: String, in app: String) -> String? { apps[app]?.resolved(role)?.image }

  /// Why the cluster does not reach its desired state; nil if it does.
  var obstacle: String? {
    guard let status else { return "nothing is known of it" }
    if let stall = status.stall { return stall.message }
    let isThere = status.state == .configured && status.app == observed.cluster.spec.app
    if isThere { return nil }
    return status.condition(.progressing)?.message ?? "it does not come to rest"
  }

  // MARK: Simulation

  /// Simulates one action.
  ///
  /// - Returns: whether it changed anything.
  private mutating func perform(_ action: Action) -> Bool {
    switch action {
    case .apply(let role, let goal):
      guard let image = image(of: role, in: goal.app) else { return false }
      let current = observed.sets[role]?.currentRevision ?? image
      observed.sets[role] = SetObservation(
        image: image, replicas: goal.replicas, strategy: goal.strategy, isObserved: true,
        currentRevision: current, updateRevision: image)
    case .deleteSet(let role): observed.sets[role] = nil
    case .deletePod(let name, _, _, _): observed.pods[name] = nil
    case .label(let pod, let app): observed.pods[pod]?.appLabel = app
    case .order(let pod, let order): observed.work[pod] = .finished(order, PodResult(exitCode: 0))
    case .createHeadlessService, .createMemberService, .deleteMemberService, .releaseClaim, .wake, .emit:
      return false
    }
    return true
  }

  /// Simulates one pass of a StatefulSet's controller: creates missing pods, then replaces one pod whose revision is
  /// not the one for its ordinal. The image serves as the name of a revision.
  private mutating func sync(_ role: String) -> Bool {
    guard var set = observed.sets[role], let name = status?.role(role)?.statefulSet else { return false }
    var isMoving = false
    func pod(_ ordinal: Int) -> String { DerivedNames.pod(statefulSet: name, ordinal: ordinal) }
    for ordinal in 0..<set.replicas where observed.pods[pod(ordinal)] == nil {
      let isHeldBack =
        if case .rollingUpdate(let partition) = set.strategy { ordinal < partition } else { false }
      create(pod(ordinal), role, isHeldBack ? set.currentRevision : set.updateRevision)
      isMoving = true
    }
    for ordinal in set.replicas..<max(set.replicas, status?.role(role)?.members.count ?? 0) {
      if observed.pods.removeValue(forKey: pod(ordinal)) != nil { isMoving = true }
    }
    guard case .rollingUpdate(let partition) = set.strategy else { return isMoving }
    let other = (0..<set.replicas).last { observed.pods[pod($0)]?.revision != set.updateRevision }
    if let other, other >= partition {
      create(pod(other), role, set.updateRevision)
      isMoving = true
    } else if other == nil, set.currentRevision != set.updateRevision {
      set.currentRevision = set.updateRevision
      observed.sets[role] = set
      isMoving = true
    }
    return isMoving
  }

  private mutating func create(_ pod: String, _ role: String, _ revision: String) {
    counter += 1
    let comesUp = standstill.map { done[role] ?? 0 < $0[role] ?? 0 } ?? true
    observed.pods[pod] = PodObservation(
      uid: "\(counter)", resourceVersion: "\(counter)", revision: revision,
      containerID: comesUp ? "\(counter)" : nil, isReady: comesUp)
  }
}
