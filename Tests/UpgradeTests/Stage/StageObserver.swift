import KubeDirector
import Upgrade

/// What actually happens to pods and containers, independent of the status.
struct StageObserver {
  /// The pods that were in service when the upgrade replaced them, until they are done.
  var out: Set<String> = []
  /// The pods that the running upgrade has claimed.
  var touched: Set<String> = []
  /// The containers in which a member has been configured.
  var setUp: Set<String> = []
  var pendingScripts = StagePendingScripts()
  var tally = Tally()
}

extension Stage {
  /// Checks the replacement of a pod for another image. If the pod was in service, no other pod of its role that the
  /// upgrade replaces may be out of service. In an upgrade, the pods after it must have the new image.
  mutating func checkTakingOut(_ pod: StagePod, _ info: UpgradeInfo) {
    guard pod.isAvailable, let container = pod.container, observer.setUp.contains(container) else { return }
    let name = Self.short(pod.name)
    if let other = observer.out.sorted().first(where: { $0 != pod.name && pods[$0]?.role == pod.role }) {
      violated("\(name) taken out of service while \(Self.short(other)) is out")
    }
    observer.out.insert(pod.name)
    guard !info.isRollingBack, let wanted = status.flatMap({ apps[$0.app]?.resolved(pod.role)?.image }) else {
      return
    }
    let skipped = pods.values.filter { $0.role == pod.role && $0.ordinal > pod.ordinal && $0.image != wanted }
    if let other = skipped.map(\.name).min() { violated("\(name) upgraded before \(Self.short(other))") }
  }

  /// Checks that the member of a pod is leaving when its set removes the pod.
  mutating func checkLeaving(_ pod: StagePod) {
    let member = status?.members.first { $0.pod == pod.name }
    if member?.isLeaving == false { violated("\(Self.short(pod.name)) removed though it was to stay") }
  }

  /// Checks a pod that a set creates: unless the upgrade replaces it, it must have its previous image.
  mutating func checkComing(_ pod: StagePod) {
    guard let status, let role = status.role(pod.role),
      let member = role.members.first(where: { $0.pod == pod.name })
    else { return }
    let app: String
    if let info = status.upgradeInfo {
      let isTouched = member.upgrade?.id == info.id
      if isTouched, member.upgrade?.done != true || info.isRollingBack { return }
      app = isTouched || info.isRollingBack ? status.app : info.prevApp
    } else {
      app = status.app
    }
    if let image = apps[app]?.resolved(pod.role)?.image, pod.image != image {
      violated("\(Self.short(pod.name)) comes back with \(pod.image) instead of \(image)")
    }
  }

  /// Checks the actual start of a script.
  mutating func checkStart(_ order: PodOrder, _ key: String, in pod: StagePod) {
    guard case .script(let notification, _) = order.task else { return }
    let name = Self.short(pod.name)
    observer.tally.scripts += 1
    if containers[order.containerID]?.starts[key] != 1 { violated("\(key) twice in a container of \(name)") }
    let isReady = daemon.view?.pods[pod.name]?.isContainerReady == true
    if !isReady { violated("\(key) in \(name), which is not ready") }
    noteBegun(notification, in: pod.name)
    switch notification.event {
    case .configure:
      if observer.setUp.contains(order.containerID) { violated("--configure in \(name), which was set up") }
    case .podUpgraded, .podReverted:
      if !observer.touched.contains(pod.name) { violated("\(key) in \(name), which was never touched") }
    default: break
    }
  }

  /// Records the claims of a status and the pods that are done, before it is written.
  mutating func checkClaims(_ new: ClusterStatus, over old: ClusterStatus?) {
    for member in new.members {
      if member.upgrade?.done == true { observer.out.remove(member.pod) }
      if member.state == .configured, let container = member.detail.lastConfiguredContainer {
        observer.setUp.insert(container)
      }
    }
    if let info = new.upgradeInfo {
      let touched = Set(new.members.filter { $0.upgrade?.id == info.id }.map(\.pod))
      if info.isRollingBack, let other = touched.subtracting(observer.touched).min() {
        violated("\(Self.short(other)) rolled back though never touched")
      }
      observer.touched.formUnion(touched)
      if old?.upgradeInfo == nil { observer.tally.upgrades += 1 }
      if info.isRollingBack, old?.upgradeInfo?.isRollingBack != true { observer.tally.rollbacks += 1 }
    } else if let old, let info = old.upgradeInfo {
      checkRoleEvents(info, old, new.app)
      checkEnded(info, old, new.app)
      for member in new.members {
        let pending = member.detail.pendingNotifications.first { $0.id.hasPrefix(info.id) }
        if let pending {
          violated("ended while \(Self.short(member.pod)) has a pending \(pending.event.argument)")
        }
      }
    }
    if let stall = new.condition(.stalled), stall.status, old?.condition(.stalled)?.status != true {
      observer.tally.stalls[stall.reason.rawValue, default: 0] += 1
    }
  }

  /// An upgrade or rollback is reported as ended: every member that must be notified has been notified
  /// successfully.
  private mutating func checkEnded(_ info: UpgradeInfo, _ old: ClusterStatus, _ app: String) {
    let event: LifecycleEvent = info.isRollingBack ? .podReverted : .podUpgraded
    for role in old.roles {
      guard let wanted = apps[app]?.resolved(role.id) else { continue }
      let changes = wanted.image != apps[info.prevApp]?.resolved(role.id)?.image
      for member in role.members {
        let name = Self.short(member.pod)
        guard info.isRollingBack ? observer.touched.contains(member.pod) : changes else { continue }
        let mine = containers.values.filter { $0.pod == member.pod && $0.image == wanted.image }
        if wanted.subscribes(event),
          !mine.contains(where: { $0.hasSucceeded("\(event.rawValue) \(info.id)") })
        {
          violated("ended without \(event.argument) in \(name)")
        }
        if !wanted.subscribes(event), mine.isEmpty { violated("ended without \(wanted.image) in \(name)") }
        // The status that ends the upgrade also marks the last pod as done.
        observer.out.remove(member.pod)
      }
    }
    if let name = observer.out.min() { violated("ended while \(Self.short(name)) is out") }
    observer.out = []
    observer.touched = []
    if info.isRollingBack {
      observer.tally.rollbacksEnded += 1
    } else {
      observer.tally.upgradesEnded += 1
    }
  }
}
