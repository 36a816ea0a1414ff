import ClusterAPI
import Diagnostics
import KubeDirector

// Which blocked changes are judged again when a live object changes.
extension Reconciler {
  /// The names of the apps that an object refers to: in git, in the live spec, and in its status.
  func apps(of reference: ObjectReference) -> Set<String> {
    if reference.kind == Wire.appKind { return [reference.name] }
    let status = liveState.status(of: reference)
    let names = [
      desired.snapshot.cluster(reference)?.spec.app,
      liveState.objects[reference]?.json["spec"]?["app"]?.string,
      status?.app, status?.upgradeInfo?.prevApp,
    ]
    return Set(names.compactMap(\.self))
  }

  /// For each object that the event changes, the apps that it refers to before the event is applied. Empty if no
  /// change is blocked and none is being judged.
  func apps(before change: FollowedChange) -> [ObjectReference: Set<String>] {
    if blocked.isEmpty, !pending.isJudging { return [:] }
    switch change {
    case .changed(let object), .removed(let object): return [object.reference: apps(of: object.reference)]
    case .all: return apps(before: liveState.objects.keys)
    }
  }

  func apps(before objects: some Sequence<ObjectReference>) -> [ObjectReference: Set<String>] {
    if blocked.isEmpty, !pending.isJudging { return [:] }
    return Dictionary(objects.map { ($0, apps(of: $0)) }, uniquingKeysWith: { $1 })
  }

  /// Enqueues blocked changes that a change of a live object may unblock.
  ///
  /// - Parameter before: the apps that the object referred to before the change.
  func judgeAgain(after reference: ObjectReference, before: Set<String> = []) {
    let live = liveState.objects[reference]
    if let known = blocked[reference], known.mayPass,
      known.fingerprint != live.map({ LiveFingerprint($0, liveState.status(of: reference)) })
    {
      pending.insert(reference)
    }
    if blocked.isEmpty { return }
    let now = apps(of: reference)
    let change = BlockedChanges.LiveChange(
      reference: reference, isGone: live == nil, apps: now, appsBefore: before)
    pending.insert(blocked.unblocked(by: change))
  }
}
