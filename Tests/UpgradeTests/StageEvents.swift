import KubeDirector
import Upgrade

/// Something that happens, named so that a list of them can be replayed, and shortened.
enum StageEvent: Hashable {
  /// The daemon sees everything, and acts.
  case looks
  /// The daemon acts on what it has seen before.
  case acts
  case seesCluster
  case seesSet(String)
  case seesPod(String)
  case set(String)
  case node(String)
  case commandEnds(String)
  case killed
  /// The daemon dies after so many more writes.
  case dies(after: Int)
  case crash(String, loops: Bool)
  case podDeleted(String)
  case pullFlaps(String)
  case imageBroken(String)
  case imageMended(String)
  /// The next command that ends in the pod fails.
  case fails(String)
  case slow(String)
  case quick(String)
  case commit(String)
  case suspended(Bool)
  case resize(String, Int)
}

extension Stage {
  mutating func happen(_ event: StageEvent) {
    func full(_ short: String) -> String { "\(Self.name)-\(short)" }
    now += 1
    switch event {
    case .looks:
      _ = daemonLooks()
      if now % 8 == 0 { checkNothingIsLeft() }
    case .acts: _ = daemonActs()
    case .seesCluster: seeCluster()
    case .seesSet(let role): seeSet(role)
    case .seesPod(let pod): seePod(full(pod))
    case .set(let role): _ = syncSet(role)
    case .node(let pod): _ = nodeActs(on: full(pod))
    case .commandEnds(let pod): _ = commandEnds(in: full(pod))
    case .killed: killDaemon()
    case .dies(let writes): daemon.life = writes
    case .crash(let pod, let loops): crash(full(pod), loops: loops)
    case .podDeleted(let pod): terminate(full(pod))
    case .pullFlaps(let pod): flapPull(full(pod))
    case .imageBroken(let image): badImages.insert(image)
    case .imageMended(let image):
      badImages.remove(image)
      for name in pods.keys.sorted() where pods[name]?.image == image && pods[name]?.container == nil {
        pods[name]?.waitingReason = nil
        touch(name)
      }
    case .fails(let pod): exitCodes["\(pod) *"] = 7
    case .slow(let pod): slowPods.insert(pod)
    case .quick(let pod): slowPods.remove(pod)
    case .commit(let app): commit(app: app)
    case .suspended(let isSuspended): annotate(Wire.Annotation.suspend, isSuspended ? "true" : nil)
    case .resize(let role, let members):
      // The reconciler lets nothing else change while a cluster is busy.
      guard status?.state == .configured, status?.app == cluster.spec.app else { return }
      commit(members: members, of: role)
    }
  }

  /// A daemon that has seen and done everything has nothing to do until something happens.
  mutating func checkNothingIsLeft() {
    guard daemon.view != nil, daemon.life == nil, let decision = decision() else { return }
    if decision.status != status { violated("a status to write again, though nothing happened") }
    let busy = daemon.work
    let left = decision.actions.filter { action in
      switch action {
      case .wake: false
      case .order(let pod, _): busy[pod] == nil
      default: true
      }
    }
    if !left.isEmpty { violated("something to do again, though nothing happened: \(left)") }
    if self.decision() != decision { violated("the same sight, two decisions") }
  }

  /// Lets everything come to rest, and judges where it ended.
  mutating func end() {
    daemon.life = nil
    annotate(Wire.Annotation.suspend, nil)
    slowPods = []
    exitCodes = exitCodes.filter { !$0.key.hasSuffix("*") }
    guard settle() else { return violated("does not come to rest") }
    checkNothingIsLeft()
    guard let status else { return violated("no status") }
    let stall = status.condition(.stalled)
    if status.state == .configured {
      if status.app != cluster.spec.app { violated("ended at \(status.app), wanted \(cluster.spec.app)") }
      for (role, set) in sets.sorted(by: { $0.key < $1.key }) {
        let image = apps[status.app]?.resolved(role)?.image
        if set.image != image || set.strategy != .atRest { violated("set \(role) is not at rest: \(set)") }
        for pod in pods.values where pod.role == role && pod.image != image {
          violated("\(pod.name) has \(pod.image)")
        }
      }
      if stall?.status == true { violated("stalled though configured") }
    } else if stall?.status != true {
      violated("ended in \(status.state.rawValue) without a stall: \(status.conditions.map(\.message))")
    } else {
      checkTruth(of: stall)
    }
  }

  private mutating func checkTruth(of stall: Condition?) {
    guard let stall, let name = stall.message.split(separator: ":").first.map(String.init),
      let pod = pods[name]
    else { return violated("a stall that names no pod: \(stall?.message ?? "")") }
    let isTrue =
      if stall.reason == "ConfigError" {
        pod.container.flatMap { containers[$0] }?.hasFailed ?? false
      } else {
        // Between two tries the node says ImagePullBackOff; the error of the last one is the better reason.
        pod.waitingReason != nil && stall.reason.contains("Image") && badImages.contains(pod.image)
      }
    if !isTrue { violated("a stall whose reason is not true: \(stall.message)") }
  }
}
