import KubeDirector

/// The engine's mind: looks at one cluster and says what its status is now and what is to be done next.
///
/// Level-triggered: each step is decided from the observation alone, so it does not matter how many events were
/// missed, nor which daemon took the step before. Anything that must not be done twice is claimed in the status
/// first; the hands write the status before they act.
public struct ClusterMachine {
  let observed: Observation
  var status: ClusterStatus
  /// What a `configmeta.json` is made from, by the members and connections of this moment.
  var basis: MetadataBasis
  var actions: [Action] = []
  /// What an upgrade waits for though nothing is wrong with its own pods.
  var waits: [String] = []
  /// Why members do not know yet what the last change of the spec has to tell them.
  var unheard: String?

  /// - Returns: nil where there is nothing to decide: the object is being deleted, or nobody has vouched for a
  ///   spec that was never acted on.
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
    // Whatever was done to objects that another operator made could only be wrong.
    guard observed.mismatches.isEmpty else {
      status.conditions = conditions()
      return tellOfStall()
    }
    if status.roles.isEmpty, observed.isStamped, status.app != observed.cluster.spec.app {
      // Nothing was made of the app first named, so there is nothing to upgrade from.
      status.app = observed.cluster.spec.app
      status.appCatalog = nil
    }
    if status.appCatalog == nil { status.appCatalog = observed.catalogs[status.app] }
    for role in status.roles.indices {
      for member in status.roles[role].members.indices { absorb(role, member) }
    }
    if !isSuspended { advance() }
    concludeMembers()
    acknowledge()
    keepProgress()
    status.conditions = conditions()
    tellOfStall()
    keepJournal()
  }

  var isSuspended: Bool {
    observed.cluster.metadata.annotations[Wire.Annotation.suspend] == "true"
  }

  private mutating func advance() {
    if !observed.headlessServiceExists { actions.append(.createHeadlessService) }
    beginWhatIsAsked()
    if let info = status.upgradeInfo {
      for role in status.roles.indices {
        switch status.roles[role].upgradeStatus {
        case .upgrading: upgrade(role, info)
        case .rollingBack: rollBack(role, info)
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
    hearRetry()
    for role in status.roles.indices {
      for member in status.roles[role].members.indices { setUp(role, member) }
    }
    watchDeadlines()
    watchSteadiness()
  }

  /// Starts an upgrade or turns one round, where a stamped spec asks for it and nothing forbids it.
  private mutating func beginWhatIsAsked() {
    let wanted = observed.cluster.spec.app
    guard observed.isStamped, wanted != status.app else { return }
    if let info = status.upgradeInfo {
      guard !info.isRollingBack, wanted == info.prevApp else { return }
      if let reason = reasonNotToReturn {
        waits.append("\(wanted) is wanted again, but \(reason)")
      } else {
        beginRollback(info)
      }
    } else if status.state == .configured, reasonNotToBegin == nil,
      !observed.work.values.contains(where: \.isRunning)
    {
      beginUpgrade(to: wanted)
    }
  }

  /// Says which spec this status speaks of: only one of which nothing is left to begin, and which members have heard
  /// of. Whoever reads `configured` beside a generation may take it that this generation is done. The state itself
  /// waits for no neighbour: two clusters may be connected to each other.
  private mutating func acknowledge() {
    guard observed.isStamped, observed.cluster.spec.app == status.app else { return }
    let generation = observed.cluster.metadata.generation
    guard status.observedGeneration == generation || status.state == .creating || hasWantedMembers else {
      return
    }
    if status.observedGeneration != generation, status.state != .creating, !isInTrouble {
      unheard = reasonNotToHaveHeard
    }
    guard unheard == nil else { return }
    status.observedGeneration = generation
    status.specCommit = observed.cluster.metadata.specCommit ?? status.specCommit
  }

  /// Whether the cluster does not get on: whoever asked for its last change has to hear of that first.
  private var isInTrouble: Bool {
    status.state != .configured && Trouble.first(in: status, now: observed.now, deadline: deadline) != nil
  }

  func app(_ name: String) -> AppSpec? { observed.apps[name] }

  /// The role as the app resolves it; nil where the app is not at hand or does not know the role.
  func resolved(_ role: String, in app: String) -> ResolvedRole? { observed.apps[app]?.resolved(role) }

  func hasStorage(_ role: String) -> Bool { observed.cluster.spec.role(role)?.storageSize != nil }

  mutating func tell(_ happening: Happening) { actions.append(.tell(happening)) }

  /// Asks for the set to be so, unless it is. One update a step: the last word counts.
  mutating func want(_ role: Int, _ goal: SetGoal) {
    let id = status.roles[role].id
    guard let image = resolved(id, in: goal.app)?.image else { return }
    let set = observed.sets[id]
    // A template is made from the spec, so nobody but the reconciler may have had it in hand.
    guard observed.isStamped || set?.image == image else { return }
    actions.removeAll { if case .apply(id, _) = $0 { true } else { false } }
    if let set, set.image == image, set.replicas == goal.replicas, set.strategy == goal.strategy { return }
    actions.append(.apply(role: id, goal))
  }
}

extension PodWork {
  public var isRunning: Bool { if case .running = self { true } else { false } }
}
