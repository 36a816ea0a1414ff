import KubeDirector

/// Decides, for one cluster, its new status and the actions to run next.
///
/// Level-triggered: each step is decided from the observation alone. Missed events do not matter, nor does it matter
/// which daemon took the previous step. Anything that must not happen twice is claimed in the status first; the action
/// executor runs only after the status is written.
public struct ClusterMachine {
  let observed: Observation
  var status: ClusterStatus
  /// The facts from which a `configmeta.json` is made: the current members and connections.
  var basis: MetadataBasis
  var actions: [Action] = []
  /// Reasons why an upgrade waits, other than problems of its own pods.
  var waits: [ProgressMessage.Wait] = []
  /// Why members have not yet been notified of the last change of the spec.
  var unnotified: String?

  /// Takes one step.
  ///
  /// - Returns: nil if there is nothing to decide: the object is being deleted, or it has no status yet and its spec
  ///   has no valid stamp.
  public static func step(_ observed: Observation) -> Decision? {
    guard observed.cluster.metadata.deletionTimestamp == nil,
      observed.status != nil || observed.isStamped
    else { return nil }
    var machine = ClusterMachine(observed)
    machine.run()
    return Decision(status: machine.status, actions: machine.actions)
  }

  init(_ observed: Observation) {
    self.observed = observed
    status = observed.status ?? ClusterStatus(state: .creating, app: observed.cluster.spec.app)
    basis = MetadataBasis(status)
  }

  private mutating func run() {
    // The objects were made by another operator. Any action on them could only be wrong.
    guard observed.mismatches.isEmpty else {
      status.conditions = conditions()
      return emitStall()
    }
    if status.roles.isEmpty, observed.isStamped, status.app != observed.cluster.spec.app {
      // Nothing was created from the app that was named first, so there is nothing to upgrade from.
      status.app = observed.cluster.spec.app
      status.appCatalog = nil
    }
    if status.appCatalog == nil { status.appCatalog = observed.catalogs[status.app] }
    for role in status.roles.indices {
      for member in status.roles[role].members.indices { applyObservation(role, member) }
    }
    if !isSuspended { advance() }
    concludeMembers()
    acknowledge()
    keepProgress()
    status.conditions = conditions()
    emitStall()
    keepJournal()
  }

  var isSuspended: Bool {
    observed.cluster.metadata.annotations[Wire.Annotation.suspend] == "true"
  }

  private mutating func advance() {
    if !observed.headlessServiceExists { actions.append(.createHeadlessService) }
    beginRequestedChange()
    if let info = status.upgradeInfo {
      for role in status.roles.indices {
        switch status.roles[role].upgradeStatus {
        case .upgrading, .rollingBack: advanceRole(role, info)
        case .upgraded, .rolledBack, nil: keepAtRest(role)
        }
      }
      endWhenDone()
    }
    if status.upgradeInfo == nil {
      keepMembership()
      keepConnections()
      basis = MetadataBasis(status)
    }
    releaseClaims()
    handleRetry()
    for role in status.roles.indices {
      for member in status.roles[role].members.indices { setUp(role, member) }
    }
    watchDeadlines()
    watchStability()
  }

  /// Starts an upgrade or turns one into a rollback, if a stamped spec requests it and nothing prevents it.
  private mutating func beginRequestedChange() {
    let wanted = observed.cluster.spec.app
    guard observed.isStamped, wanted != status.app else { return }
    if let info = status.upgradeInfo {
      guard !info.isRollingBack, wanted == info.prevApp else { return }
      if let reason = reasonNotToReturn {
        waits.append(ProgressMessage.Wait("\(wanted) is requested again, but \(reason)"))
      } else {
        beginRollback(info)
      }
    } else if status.state == .configured, reasonNotToBegin == nil,
      !observed.work.values.contains(where: \.isRunning)
    {
      beginUpgrade(to: wanted)
    }
  }

  /// Sets the observed generation, once nothing of that spec is left to begin and members have been notified of it.
  /// A client that reads `configured` together with a generation may conclude that this generation is done. The state
  /// itself does not wait for connected clusters: two clusters may be connected to each other.
  private mutating func acknowledge() {
    guard observed.isStamped, observed.cluster.spec.app == status.app else { return }
    let generation = observed.cluster.metadata.generation
    guard status.observedGeneration == generation || status.state == .creating || hasWantedMembers else {
      return
    }
    if status.observedGeneration != generation, status.state != .creating, !isStalled {
      unnotified = reasonNotNotified
    }
    guard unnotified == nil else { return }
    status.observedGeneration = generation
    status.specCommit = observed.cluster.metadata.specCommit ?? status.specCommit
  }

  /// Whether the cluster is stalled. A stalled change is acknowledged before its notifications, so that its author
  /// sees the stall.
  private var isStalled: Bool {
    status.state != .configured && Stall.first(in: status, now: observed.now, deadline: deadline) != nil
  }

  func app(_ name: String) -> AppSpec? { observed.apps[name] }

  /// The role as the app resolves it; nil if the app is not available or has no such role.
  func resolved(_ role: String, in app: String) -> ResolvedRole? { observed.apps[app]?.resolved(role) }

  func hasStorage(_ role: String) -> Bool { observed.cluster.spec.role(role)?.storageSize != nil }

  mutating func emit(_ event: UpgradeEvent) { actions.append(.emit(event)) }

  /// Requests this goal for the set, unless the set already matches. There is one update per step: the last goal wins.
  mutating func want(_ role: Int, _ goal: SetGoal) {
    let id = status.roles[role].id
    guard let image = resolved(id, in: goal.app)?.image else { return }
    let set = observed.sets[id]
    // A template is made from the spec, so it is written only if the stamp shows that the reconciler wrote that spec.
    guard observed.isStamped || set?.image == image else { return }
    actions.removeAll { if case .apply(id, _) = $0 { true } else { false } }
    if let set, set.image == image, set.replicas == goal.replicas, set.strategy == goal.strategy { return }
    actions.append(.apply(role: id, goal))
  }
}

extension PodWork {
  public var isRunning: Bool { if case .running = self { true } else { false } }
}
