import KubeDirector
import Upgrade

/// The daemon's memory, which is lost when the daemon is killed.
struct StageDaemon {
  var work: [String: PodWork] = [:]
  /// The objects that the watches have delivered so far; nil before the first observation.
  var view: View?
  /// The number of writes until the daemon is killed; nil for no limit.
  var life: Int?
  /// The requested wake-up time.
  var wakeAt: Int?
  /// The daemon is then stopped instead of killed, and its outstanding requests arrive late.
  var isReplaced = false
  /// The moment of the last observation that left nothing to do.
  var seen: Int?

  struct View {
    var cluster: Cluster
    var clusterVersion: Int
    var status: ClusterStatus?
    var sets: [String: (version: Int, set: SetObservation)]
    var pods: [String: PodObservation]
    var services: Set<String>
    var connections: ConnectionsObservation?
  }
}

/// The outstanding requests of a stopped daemon: a status to write, or the actions that were to follow.
struct StaleDaemon {
  var daemon: StageDaemon
  var status: ClusterStatus?
  var actions: [Action]
}

extension Stage {
  // MARK: - Observing

  mutating func see() {
    daemon.view = StageDaemon.View(
      cluster: cluster, clusterVersion: clusterVersion, status: status,
      sets: sets.mapValues { ($0.version, $0.observation) }, pods: pods.mapValues(\.observation),
      services: services, connections: connections)
  }

  mutating func seeCluster() {
    daemon.view?.cluster = cluster
    daemon.view?.clusterVersion = clusterVersion
    daemon.view?.status = status
    daemon.view?.connections = connections
  }

  mutating func seeSet(_ role: String) {
    daemon.view?.sets[role] = sets[role].map { ($0.version, $0.observation) }
  }

  mutating func seePod(_ name: String) { daemon.view?.pods[name] = pods[name]?.observation }

  func observation(_ view: StageDaemon.View) -> Observation {
    Observation(
      cluster: view.cluster, isStamped: isStamped, status: view.status, apps: apps,
      catalogs: apps.mapValues { _ in .local }, appAnnotations: appAnnotations,
      sets: view.sets.mapValues(\.set), pods: view.pods,
      work: daemon.work, budgets: budgets, connections: view.connections,
      headlessServiceExists: view.services.contains(Self.name),
      memberServices: view.services, newClaims: newClaims, now: now, settings: settings)
  }

  /// One budget for each role that has one.
  private var budgets: [BudgetObservation] {
    sets.filter { $0.value.disruptionsAllowed != nil }.sorted { $0.key < $1.key }.compactMap { role, set in
      set.disruptionsAllowed.map { BudgetObservation(name: role, roles: [role], allowed: $0) }
    }
  }

  /// The machine's decision for the current state.
  mutating func decision() -> Decision? {
    see()
    return daemon.view.flatMap { ClusterMachine.step(observation($0)) }
  }

  // MARK: - Acting

  /// The daemon observes everything and acts.
  ///
  /// - Parameter steps: The maximum number of steps before it observes the results.
  /// - Returns: Whether it did anything. It is not asked if nothing has happened since it last had nothing to
  ///   do.
  mutating func daemonObserves(steps: Int = Self.stepsAtOnce) -> Bool {
    let moment = counter &+ clusterVersion
    let isWoken = daemon.wakeAt.map { $0 <= now } ?? false
    if daemon.seen == moment, !isWoken, daemon.work.values.allSatisfy(\.isRunning) { return false }
    daemon.wakeAt = nil
    see()
    let moved = daemonActs(steps: steps)
    daemon.seen = moved ? nil : moment
    return moved
  }

  static let stepsAtOnce = 32

  mutating func killDaemon() {
    daemon = StageDaemon()
    write("  daemon killed")
  }

  /// The daemon acts on its view, which may be outdated, until no step is left to do.
  mutating func daemonActs(steps most: Int = Self.stepsAtOnce) -> Bool {
    var moved = false
    for _ in 0..<most {
      guard let view = daemon.view, let decision = ClusterMachine.step(observation(view)) else {
        return moved
      }
      steps += 1
      let isNews = decision.status != view.status
      if isNews {
        guard survives(leaving: decision.status, decision.actions[...]) else { return true }
        guard view.clusterVersion == clusterVersion else {
          observer.tally.refusals += 1
          return moved
        }
        put(decision.status)
      }
      let finished = daemon.work.filter { !$0.value.isRunning }
      for pod in finished.keys { daemon.work[pod] = nil }
      var acted = false
      var isRefused = false
      for (index, action) in decision.actions.enumerated() {
        if action.isWrite, !survives(leaving: nil, decision.actions[index...]) { return true }
        switch perform(action) {
        case .nothing: break
        case .started: moved = true
        case .acted: acted = true
        case .refused: isRefused = true
        }
      }
      if isRefused {
        observer.tally.refusals += 1
        return true
      }
      guard isNews || acted else { return moved }
      moved = true
    }
    return moved
  }

  enum Outcome { case nothing, started, acted, refused }

  private mutating func survives(leaving status: ClusterStatus?, _ actions: ArraySlice<Action>) -> Bool {
    guard let life = daemon.life else { return true }
    guard life == 0 else {
      daemon.life = life - 1
      return true
    }
    if daemon.isReplaced {
      stale = StaleDaemon(daemon: daemon, status: status, actions: Array(actions))
      daemon = StageDaemon()
      write("  daemon stopped, another takes over")
    } else {
      killDaemon()
    }
    return false
  }

  /// The requests that a stopped daemon had already sent arrive now. Its lease prevents all its other
  /// requests, including commands in pods. A deletion names the uid of the object that it found.
  mutating func staleArrives() {
    guard let late = stale else { return }
    stale = nil
    var current = daemon
    daemon = late.daemon
    daemon.life = nil
    write("  what the stopped daemon had in hand arrives")
    if let status = late.status, daemon.view?.clusterVersion == clusterVersion {
      put(status)
    } else if late.status != nil {
      observer.tally.refusals += 1
    } else {
      for action in late.actions where action.isWrite && !action.isRemoval {
        if perform(action) == .refused { observer.tally.refusals += 1 }
      }
    }
    current.seen = nil
    daemon = current
  }

  private mutating func put(_ new: ClusterStatus) {
    checkStatus(new, over: status)
    describe(new, over: status)
    if isRecording { history.append(new) }
    status = new
    statusWrites += 1
    clusterVersion += 1
    seeCluster()
  }

  private mutating func perform(_ action: Action) -> Outcome {
    switch action {
    case .emit: return .nothing
    case .wake(let seconds):
      daemon.wakeAt = min(daemon.wakeAt ?? .max, now + seconds)
      return .nothing
    case .order(let pod, let order): return start(order, pod)
    default: break
    }
    switch action {
    case .createHeadlessService: add(service: Self.name)
    case .createMemberService(_, let pod): add(service: pod)
    case .deleteMemberService(let name):
      if refusedServices.remove(Self.short(name)) != nil { return .refused }
      write("delete service \(Self.short(name))")
      services.remove(name)
      daemon.view?.services.remove(name)
    case .releaseClaim(let name):
      write("release claim \(Self.short(name))")
      newClaims?[name] = .released
    case .apply(let role, let goal): return apply(role, goal)
    case .deleteSet(let role):
      write("delete set \(role)")
      if pods.values.contains(where: { $0.role == role }) { violated("set \(role) deleted with its pods") }
      sets[role] = nil
      seeSet(role)
    case .deletePod(let name, let uid, let version, _):
      guard let pod = pods[name], pod.uid == uid, "\(pod.version)" == version else { return .refused }
      write("delete \(Self.short(name))")
      checkDeletion(of: pod)
      terminate(name)
      seePod(name)
    case .label(let pod, let app):
      guard pods[pod] != nil else { return .refused }
      pods[pod]?.appLabel = app
      touch(pod)
      // The rest of the step was decided from the earlier view.
      daemon.view?.pods[pod]?.appLabel = app
      daemon.view?.pods[pod]?.resourceVersion = pods[pod]?.observation.resourceVersion ?? ""
    case .emit, .wake, .order: break
    }
    return .acted
  }

  private mutating func add(service: String) {
    if service != Self.name { write("service \(Self.short(service))") }
    services.insert(service)
    daemon.view?.services.insert(service)
  }

  private mutating func apply(_ role: String, _ goal: SetGoal) -> Outcome {
    let version = sets[role]?.version
    guard version == daemon.view?.sets[role]?.version, let image = apps[goal.app]?.resolved(role)?.image
    else { return .refused }
    guard let name = status?.role(role)?.statefulSet else {
      violated("a set is made of \(role), which the cluster no longer has")
      return .refused
    }
    let strategy =
      switch goal.strategy {
      case .atRest: "at rest"
      case .onDelete: "OnDelete"
      case .rollingUpdate(let partition): "partition \(partition)"
      }
    write("apply \(role) \(image) \(strategy) replicas \(goal.replicas)")
    var set = sets[role] ?? StageSet(name: name, image: image, replicas: 0, strategy: .atRest, version: 0)
    // The template is written only for another image.
    if version == nil || set.image != image { set.spelling = spelling }
    set.image = image
    set.replicas = goal.replicas
    set.strategy = goal.strategy
    if version != nil { set.generation += 1 }
    set.version = fresh()
    sets[role] = set
    seeSet(role)
    return .acted
  }

  private mutating func start(_ order: PodOrder, _ name: String) -> Outcome {
    if case .running(let other) = daemon.work[name], other.containerID == order.containerID {
      return .nothing
    }
    guard let pod = pods[name], pod.container == order.containerID else { return .nothing }
    orders += 1
    daemon.work[name] = .running(order)
    checkOrder(order, in: pod)
    noteMetadata(order)
    guard let key = order.key else {
      write(
        order.mode.isEmpty
          ? "discard backup \(Self.short(name))" : "install \(Self.short(name)) \(order.mode)")
      return .started
    }
    if containers[order.containerID]?.ended[key] == nil, containers[order.containerID]?.running != key {
      containers[order.containerID]?.running = key
      containers[order.containerID]?.starts[key, default: 0] += 1
      checkStart(order, key, in: pod)
      if case .script(let notification, _) = order.task {
        containers[order.containerID]?.delivered[key] = notification
        let words =
          [notification.event.argument] + notification.words(cluster: cluster.metadata, clusterDomain: "test")
        write(
          notification.event == .refresh
            ? "refresh \(Self.short(name))" : "script \(Self.short(name)) \(words.joined(separator: " "))")
      }
    }
    return .started
  }
}

extension Action {
  fileprivate var isWrite: Bool {
    switch self {
    case .emit, .wake, .order: false
    default: true
    }
  }

  fileprivate var isRemoval: Bool {
    switch self {
    case .deleteSet, .deleteMemberService: true
    default: false
    }
  }
}

extension PodOrder {
  fileprivate var mode: String {
    guard case .install(_, let mode, _) = task else { return "" }
    return switch mode {
    case .fresh: "fresh"
    case .metadataOnly: "metadata"
    case .upgrade(_, let backup): backup ? "upgrade with backup" : "upgrade"
    case .revert(_, let backup): backup ? "revert from backup" : "revert"
    }
  }
}
