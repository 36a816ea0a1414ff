/// Random lives of one cluster, each told by its seed alone.
struct RandomOrder {
  var seed: UInt64
  var length = 140

  static let settled: Stage = {
    var stage = Stage(
      [
        .init(id: "worker", members: 3, hasStorage: true),
        .init(
          id: "broker", members: 2,
          events: ["configure", "addnodes", "role_upgraded", "role_reverted", "cluster_upgraded"]),
        .init(id: "gateway", events: ["configure", "delnodes", "cluster_upgraded", "cluster_reverted"]),
        .init(id: "plain", hasPackage: false),
      ],
      versions: [
        "1.0": [:], "1.1": ["worker": "1.1", "broker": "1.1", "plain": "1.1"],
        "1.2": ["worker": "1.2", "broker": "1.1", "gateway": "1.2", "plain": "1.1"],
      ])
    stage.isRecording = false
    stage.settle()
    return stage
  }()

  static let roles = ["worker", "broker", "gateway", "plain"]
  static let pods = [
    "worker-0", "worker-1", "worker-2", "broker-0", "broker-1", "gateway-0", "plain-0",
  ]
  static let images = ["worker:1.1", "broker:1.1", "plain:1.1", "worker:1.0", "worker:1.2", "gateway:1.2"]

  var events: [StageEvent] {
    var chance = Chance(seed: seed)
    var events: [StageEvent] = [.commit("app-1.1")]
    for _ in 0..<length { events.append(Self.event(&chance)) }
    return events
  }

  private static func event(_ chance: inout Chance) -> StageEvent {
    switch chance.below(200) {
    case 0..<34: .looks
    case 34..<44: .acts
    case 44..<50: .seesCluster
    case 50..<57: .seesSet(chance.pick(roles))
    case 57..<66: .seesPod(chance.pick(pods))
    case 66..<94: .set(chance.pick(roles))
    case 94..<134: .node(chance.pick(pods))
    case 134..<172: .commandEnds(chance.pick(pods))
    case 172..<174: .killed
    case 174..<176: .dies(after: chance.below(4))
    case 176..<180: .crash(chance.pick(pods), loops: chance.below(2) == 0)
    case 180..<183: .podDeleted(chance.pick(pods))
    case 183..<185: .pullFlaps(chance.pick(pods))
    case 185..<187: .imageBroken(chance.pick(images))
    case 187..<189: .imageMended(chance.pick(images))
    case 189: .fails(chance.pick(pods))
    case 190..<192: .slow(chance.pick(pods))
    case 192..<194: .quick(chance.pick(pods))
    case 194..<196: .commit("app-1.0")
    case 196..<198: .commit("app-1.1")
    case 198: chance.below(2) == 0 ? .commit("app-1.2") : .suspended(chance.below(2) == 0)
    default: .resize(chance.pick(roles), chance.below(4))
    }
  }

  /// The cluster after these events, and after everything came to rest.
  static func life(_ events: [StageEvent], isRecording: Bool = false) -> Stage {
    var stage = settled
    stage.isRecording = isRecording
    stage.statusWrites = 0
    for event in events { stage.happen(event) }
    stage.end()
    return stage
  }

  /// Drops events, many at a time and then one by one, as long as something is still wrong.
  static func shortest(_ events: [StageEvent]) -> [StageEvent] {
    var kept = events
    var chunk = max(1, kept.count / 2)
    while true {
      var start = 0
      var dropped = false
      while start < kept.count {
        var fewer = kept
        fewer.removeSubrange(start..<min(start + chunk, kept.count))
        if !life(fewer).violations.isEmpty {
          kept = fewer
          dropped = true
        } else {
          start += chunk
        }
      }
      if chunk == 1, !dropped { return kept }
      chunk = max(1, chunk / 2)
    }
  }
}
