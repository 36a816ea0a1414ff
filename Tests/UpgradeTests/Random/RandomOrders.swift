import KubeDirector

/// A simulated cluster and the events that happen to it.
struct RandomLife {
  var setup: RandomSetup
  var events: [StageEvent]

  /// The cluster after these events, and after everything has settled.
  func lived(from settled: Stage? = nil, isRecording: Bool = false) -> Stage {
    var stage = settled ?? setup.settled()
    stage.isRecording = isRecording
    stage.transcript = []
    for event in events {
      stage.happen(event)
      stage.observer.tally.events[event.kind, default: 0] += 1
    }
    stage.end()
    stage.observer.tally.runs = 1
    stage.observer.tally.steps = stage.steps
    stage.observer.tally.writes = stage.statusWrites
    return stage
  }
}

/// Random runs, each defined by its seed alone.
struct RandomOrder {
  var seed: UInt64

  /// Enough clusters to combine all kinds of roles. Each is settled once.
  static let setups: [RandomSetup] = {
    var chance = Chance(seed: 42)
    return (0..<32).map { _ in RandomSetup(&chance) }
  }()
  static let settled: [Stage] = setups.map { $0.settled() }

  private var place: Int { Int(seed % UInt64(Self.setups.count)) }

  var life: RandomLife {
    var chance = Chance(seed: seed)
    let setup = Self.setups[place]
    // In most runs an upgrade is in progress during the events; in some only members change.
    let beginning: StageEvent =
      chance.below(6) > 0 ? .commit("app-1.1") : .resize(chance.pick(setup.roles).id, chance.below(4))
    var events: [StageEvent] = [beginning, .goesOn(chance.below(5))]
    for _ in 0..<(6 + chance.below(36)) { events.append(Self.event(&chance, setup)) }
    return RandomLife(setup: setup, events: events)
  }

  func lived() -> Stage { life.lived(from: Self.settled[place]) }

  private static func event(_ chance: inout Chance, _ setup: RandomSetup) -> StageEvent {
    switch chance.below(100) {
    case 0..<50: progress(&chance, setup)
    case 50..<60: view(&chance, setup)
    case 60..<76: people(&chance, setup)
    case 76..<82: endOfContainer(&chance)
    default: fault(&chance, setup)
    }
  }

  private static func progress(_ chance: inout Chance, _ setup: RandomSetup) -> StageEvent {
    switch chance.below(16) {
    case 0..<4: .goesOn(1 + chance.below(3))
    case 4..<7: .looks
    case 7..<10: .set(chance.pick(setup.roles).id)
    case 10..<13: .node(chance.pick(setup.pods))
    default: .commandEnds(chance.pick(setup.pods))
    }
  }

  /// Which parts of the cluster the daemon observes, and when it acts. The view may be outdated.
  private static func view(_ chance: inout Chance, _ setup: RandomSetup) -> StageEvent {
    switch chance.below(6) {
    case 0..<2: .acts
    case 2: .seesCluster
    case 3: .seesSet(chance.pick(setup.roles).id)
    default: .seesPod(chance.pick(setup.pods))
    }
  }

  private static func people(_ chance: inout Chance, _ setup: RandomSetup) -> StageEvent {
    switch chance.below(22) {
    case 16..<18: .retried(chance.pick(setup.pods))
    case 18..<20: connection(&chance)
    case 20: .roleGoes(chance.pick(setup.roles).id)
    case 21: .roleComes(chance.pick(setup.roles))
    case 0..<4: .commit("app-1.0")
    case 4..<7: .commit("app-1.1")
    case 7..<9: .commit("app-1.2")
    case 9..<11: .resize(chance.pick(setup.roles).id, chance.below(4))
    case 11..<14: .podDeleted(chance.pick(setup.pods))
    case 14: .suspended(chance.below(3) == 0)
    default: .budget(chance.pick(setup.roles).id, chance.pick([nil, 0, 1]))
    }
  }

  /// Only clusters change for a while.
  private static func connection(_ chance: inout Chance) -> StageEvent {
    let name = chance.pick(["configmaps/site", "clusters/hdfs"])
    let isSettled = name.hasPrefix("configmaps/") || chance.below(3) > 0
    return .connected(name, mark: chance.pick([nil, "a", "b", "c"]), isSettled: isSettled)
  }

  private static func endOfContainer(_ chance: inout Chance) -> StageEvent {
    switch chance.below(7) {
    case 0: .killed
    case 6: .newDaemon
    case 1: .dies(after: chance.below(4))
    case 2..<4: .daemonReplaced(after: chance.below(4))
    default: .arrives
    }
  }

  private static let scripts: [LifecycleEvent] = [
    .podUpgraded, .podReverted, .configure, .clusterUpgraded, .addNodes, .deleteNodes,
    .reconnect,
  ]

  private static func fault(_ chance: inout Chance, _ setup: RandomSetup) -> StageEvent {
    let pod = chance.pick(setup.pods)
    return switch chance.below(18) {
    case 0..<4: .crash(pod, loops: chance.below(2) == 0)
    case 4..<6: .pullFlaps(pod)
    case 6..<8: .imageBroken(chance.pick(setup.images))
    case 8: .imageRepaired(chance.pick(setup.images))
    case 9: .imageMissing(chance.pick(setup.images))
    case 10..<12: .fails(pod)
    case 12: .failsAlways(pod, chance.pick(Self.scripts))
    case 13: .slow(pod)
    case 14: .quick(pod)
    case 15: .silent(pod)
    case 16: .answers(pod)
    default: .podDeleted(pod)
    }
  }
}
