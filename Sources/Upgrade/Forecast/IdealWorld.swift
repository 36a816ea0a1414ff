import KubeDirector

/// A cluster in which everything goes well at once: sets have seen every change, new pods run, what is ordered in a
/// pod has ended by the next step.
struct IdealWorld {
  private(set) var observed: Observation
  private let apps: [String: AppSpec]
  private var counter = 0
  /// By role, how many members an upgrade gets done before its next pod does not come up; nil where all do.
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

  /// Has the cluster be asked for so from now on.
  mutating func take(_ cluster: Cluster) {
    let generation = observed.cluster.metadata.generation + 1
    observed.cluster = cluster
    observed.cluster.metadata.generation = generation
    // What stops an engine or has it try again is not what would be done.
    observed.cluster.metadata.annotations[Wire.Annotation.suspend] = nil
    observed.cluster.metadata.annotations[Wire.Annotation.retry] = nil
    let named = cluster.spec.connections
    let marks =
      (named.clusters.map { "clusters/\($0)" } + named.configMaps.map { "configmaps/\($0)" })
      + named.secrets.map { "secrets/\($0)" }
    if !marks.isEmpty || observed.connections != nil {
      // What is named is taken to be there.
      observed.connections = ConnectionsObservation(
        marks: Dictionary(marks.map { ($0, "there") }, uniquingKeysWith: { one, _ in one }))
    }
  }

  /// Plays until nothing more happens.
  ///
  /// - Parameter look: is shown the world after each step.
  mutating func settle(_ look: (IdealWorld) -> Void = { _ in }) -> ForecastRecord {
    var record = ForecastRecord()
    // Generously more than any pod needs; a world that does not come to rest by then has met an obstacle.
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
      look(self)
      if !isNews, !isMoving { break }
    }
    return record
  }

  // MARK: Asking

  var status: ClusterStatus? { observed.status }
  var isUpgrading: Bool { status?.upgradeInfo?.isRollingBack == false }
  /// What owners ask of the upgrade or rollback that runs; nil where none does.
  var plan: UpgradePlan? { status?.upgradeInfo.map { ClusterMachine(observed).plan($0) } }
  var canReturn: Bool { ClusterMachine(observed).reasonNotToReturn == nil }

  /// How many members of each role the running upgrade is done with.
  var done: [String: Int] {
    guard let status, let info = status.upgradeInfo else { return [:] }
    return Dictionary(
      status.roles.map { role in
        (role.id, role.members.count { $0.upgrade?.id == info.id && $0.upgrade?.done == true })
      }, uniquingKeysWith: { one, _ in one })
  }

  func image(of role: String, in app: String) -> String? { apps[app]?.resolved(role)?.image }

  /// What keeps the cluster from being as it is asked for.
  var obstacle: String? {
    guard let status else { return "nothing is known of it" }
    if let stall = status.condition(.stalled), stall.status { return stall.message }
    let isThere = status.state == .configured && status.app == observed.cluster.spec.app
    if isThere { return nil }
    return status.condition(.progressing)?.message ?? "it does not come to rest"
  }

  // MARK: Acting

  /// - Returns: whether anything moves by it.
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
    case .createHeadlessService, .createMemberService, .deleteMemberService, .wake, .tell: return false
    }
    return true
  }

  /// What a StatefulSet's controller does when it looks: the pods that are missing, then one that is of another
  /// revision than its ordinal shall have. A revision is called by its image.
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
