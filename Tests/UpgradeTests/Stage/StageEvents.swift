import KubeDirector
import Upgrade

/// An event of the simulation. A list of events can be replayed and shortened.
enum StageEvent: Hashable {
  /// A number of normal rounds: daemon, sets, nodes and scripts in turn.
  case goesOn(Int)
  /// The daemon observes everything and acts.
  case looks
  /// The daemon acts on its earlier observations.
  case acts
  case seesCluster
  case seesSet(String)
  case seesPod(String)
  case set(String)
  case node(String)
  case commandEnds(String)
  case killed
  /// The daemon is killed after this number of writes.
  case dies(after: Int)
  /// The daemon is stopped after this number of writes, and another one replaces it.
  case daemonReplaced(after: Int)
  /// The outstanding requests of the stopped daemon arrive.
  case arrives
  case crash(String, loops: Bool)
  case podDeleted(String)
  case pullFlaps(String)
  /// The image cannot be pulled until it is fixed.
  case imageBroken(String)
  case imageRepaired(String)
  /// The image can never be pulled.
  case imageMissing(String)
  /// The next command that ends in the pod fails.
  case fails(String)
  /// Every run of the script in the pod fails.
  case failsAlways(String, LifecycleEvent)
  case slow(String)
  case quick(String)
  /// The container runs and is not ready.
  case silent(String)
  case answers(String)
  /// The number of disruptions that a PodDisruptionBudget allows; nil for no budget.
  case budget(String, Int?)
  case commit(String)
  case suspended(Bool)
  /// A new version of the daemon starts, which encodes templates differently.
  case newDaemon
  case resize(String, Int)
  /// A commit adds the role, if it does not exist.
  case roleComes(Stage.Role)
  /// A commit removes the role, unless it is the only one.
  case roleGoes(String)
  /// The state of the connected object with this name; nil if the name is removed. The object may be
  /// changing.
  case connected(String, mark: String?, isSettled: Bool)
  /// A retry is requested for what failed in the pod.
  case retried(String)

  var kind: String {
    switch self {
    case .goesOn, .looks, .acts, .set, .node, .commandEnds: "progress"
    case .seesCluster, .seesSet, .seesPod: "stale view"
    case .killed, .dies: "daemon killed"
    case .daemonReplaced: "second daemon"
    case .arrives: "stale daemon"
    case .crash: "crash"
    case .podDeleted: "pod deleted"
    case .pullFlaps, .imageBroken, .imageRepaired: "pull error that heals"
    case .imageMissing: "image missing"
    case .fails: "script fails once"
    case .failsAlways: "script fails always"
    case .slow, .quick: "node slow"
    case .silent, .answers: "not ready"
    case .budget: "budget"
    case .commit: "commit"
    case .suspended: "suspended"
    case .newDaemon: "new version of the daemon"
    case .resize: "resize"
    case .roleComes, .roleGoes: "role"
    case .connected: "connection"
    case .retried: "retry"
    }
  }
}

extension Stage {
  mutating func happen(_ event: StageEvent) {
    func full(_ short: String) -> String { "\(Self.name)-\(short)" }
    now += 1
    write("> \(event)")
    switch event {
    case .goesOn(let rounds): settle(rounds: rounds)
    case .looks:
      _ = daemonObserves()
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
    case .daemonReplaced(let writes):
      daemon.life = writes
      daemon.isReplaced = true
    case .arrives: staleArrives()
    case .crash(let pod, let loops): crash(full(pod), loops: loops)
    case .podDeleted(let pod):
      noteDeletion(of: full(pod))
      terminate(full(pod))
    case .pullFlaps(let pod): flapPull(full(pod))
    case .imageBroken(let image): badImages.insert(image)
    case .imageRepaired(let image): repair(image: image)
    case .imageMissing(let image):
      badImages.insert(image)
      missingImages.insert(image)
    case .fails(let pod): exitCodes["\(pod) *"] = 7
    case .failsAlways(let pod, let event): exitCodes["\(pod) \(event.rawValue)"] = 8
    case .slow(let pod): slowPods.insert(pod)
    case .quick(let pod): slowPods.remove(pod)
    case .silent(let pod): unreadyPods.insert(pod)
    case .answers(let pod): unreadyPods.remove(pod)
    case .budget(let role, let allowed): sets[role]?.disruptionsAllowed = allowed
    case .commit(let app): commit(app: app)
    case .suspended(let isSuspended): annotate(Wire.Annotation.suspend, isSuspended ? "true" : nil)
    case .newDaemon:
      killDaemon()
      // The encodings alternate, so that an older daemon may also return.
      spelling = (spelling + 1) % Self.spellings
    case .resize(let role, let members): commit(members: members, of: role)
    case .connected(let name, let mark, let isSettled): connect(name, mark, isSettled: isSettled)
    case .roleComes(let role): if !roles.contains(where: { $0.id == role.id }) { commit(role: role) }
    case .roleGoes(let role): if roles.count > 1 { commit(withoutRole: role) }
    case .retried(let pod): annotate(Wire.Annotation.retry, "\(full(pod)) \(fresh())")
    }
  }

  mutating func repair(image: String) {
    badImages.remove(image)
    missingImages.remove(image)
    for name in pods.keys.sorted() where pods[name]?.image == image && pods[name]?.container == nil {
      pods[name]?.waitingReason = nil
      touch(name)
    }
  }

  private mutating func noteDeletion(of pod: String) {
    guard pods[pod]?.isBeingDeleted == false, let status,
      let role = status.roles.first(where: { role in role.members.contains { $0.pod == pod } }),
      let member = role.members.first(where: { $0.pod == pod })
    else { return }
    let words =
      if let ledger = member.upgrade {
        ledger.done ? "upgraded or reverted" : "in hand"
      } else if role.upgradeStatus != nil {
        "waiting for its turn"
      } else {
        status.upgradeInfo == nil ? "at rest" : "in a role that stays"
      }
    observer.tally.deletedPods[words, default: 0] += 1
  }
}
