import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Rules
import StatusWriter

/// A change that was judged and not applied.
struct Held {
  var verdict: Verdict
  var commit: ObjectID
  /// The ids of the rules that stood against it.
  var rules: Set<String> = []
  /// The apps that the object is concerned with, by name.
  var apps: Set<String> = []
  /// What was true of the live object.
  var circumstances: Circumstances?

  /// Whether it may pass without another commit, because what lives stands against it.
  var mayPass: Bool { verdict == .waiting || !rules.isDisjoint(with: Self.liveRules) }
  /// The ids of the rules that look at what lives.
  private static let liveRules = Set(
    RuleRegistry.all.map { $0.description }.filter { $0.scope != .files }.map(\.id))

  /// What the ids of the cluster's own refusals begin with.
  static let refusals = "api/"
  /// Whether the cluster refused it, and no rule of ours.
  var isRefused: Bool { rules.contains { $0.hasPrefix(Self.refusals) } }
}

/// What of a live object can make another verdict of a change.
struct Circumstances: Hashable {
  private var uid: String
  private var generation: Int
  private var owner: String?
  private var state: ClusterStatus.State?
  private var app: String?
  private var upgrade: UpgradeInfo?
  private var observedGeneration: Int?
  private var isStalled: Bool
  private var isWaiting: Bool
  private var members: Int
  private var done: Int

  init(_ object: Object, _ status: ClusterStatus?) {
    uid = object.uid
    generation = object.generation
    owner = object.label(Wire.Label.source)
    state = status?.state
    app = status?.app
    upgrade = status?.upgradeInfo
    observedGeneration = status?.observedGeneration
    isStalled = status?.stall != nil
    isWaiting = status?.waits(at: object.generation) == true
    members = status?.members.count ?? 0
    done = status.flatMap(UpgradeProgress.init)?.done ?? 0
  }
}

/// All changes that were judged and not applied. They are remembered, and judged again only where something changes
/// that has to do with them.
struct Holds: Sequence {
  private var all: [ObjectReference: Held] = [:]
  private var byApp: [String: Set<ObjectReference>] = [:]
  private var byCommit: [ObjectID: Set<ObjectReference>] = [:]
  /// Clusters that any other may stand in the way of: by a name that both want, or because not all may go at once.
  private var named: Set<ObjectReference> = []

  var isEmpty: Bool { all.isEmpty }

  subscript(reference: ObjectReference) -> Held? {
    get { all[reference] }
    set {
      if let old = all[reference] {
        for app in old.apps { Self.drop(reference, from: app, of: &byApp) }
        Self.drop(reference, from: old.commit, of: &byCommit)
        named.remove(reference)
      }
      all[reference] = newValue
      guard let newValue else { return }
      for app in newValue.apps { byApp[app, default: []].insert(reference) }
      byCommit[newValue.commit, default: []].insert(reference)
      if newValue.rules.contains("cluster/name") || newValue.rules.contains(ObjectPrune.id) {
        named.insert(reference)
      }
    }
  }

  /// What was held back of some commits, save what is orphaned.
  func objects(of commits: Set<ObjectID>) -> Set<ObjectReference> {
    var found: Set<ObjectReference> = []
    for commit in commits { found.formUnion(byCommit[commit] ?? []) }
    return found.filter { all[$0]?.verdict != .orphaned }
  }

  /// The clusters that are kept though their file is gone.
  var spared: Set<ObjectReference> { named.filter { all[$0]?.rules.contains(ObjectPrune.id) == true } }

  /// The others on whose verdict an object may bear: clusters and their apps bear on each other, and so do clusters
  /// that want the same names.
  ///
  /// - Parameter apps: the app itself, or those that a cluster names, or named before.
  func related(to reference: ObjectReference, apps: Set<String>) -> Set<ObjectReference> {
    var found: Set<ObjectReference> = reference.kind == Wire.clusterKind ? named : []
    for app in apps {
      for other in byApp[app] ?? [] where other.kind != reference.kind { found.insert(other) }
    }
    return found
  }

  func makeIterator() -> Dictionary<ObjectReference, Held>.Iterator { all.makeIterator() }

  private static func drop<Key: Hashable>(
    _ reference: ObjectReference, from key: Key, of index: inout [Key: Set<ObjectReference>]
  ) {
    index[key]?.remove(reference)
    if index[key]?.isEmpty == true { index[key] = nil }
  }
}

extension Reconciler {
  /// The apps that an object is concerned with, by name: as git has it, as it lives, and as it runs.
  func apps(of reference: ObjectReference) -> Set<String> {
    if reference.kind == Wire.appKind { return [reference.name] }
    let status = living.status(of: reference)
    let names = [
      desired.snapshot.cluster(reference)?.spec.app, living.objects[reference]?.json["spec"]?["app"]?.string,
      status?.app, status?.upgradeInfo?.prevApp,
    ]
    return Set(names.compactMap(\.self))
  }

  func circumstances(of reference: ObjectReference) -> Circumstances? {
    living.objects[reference].map { Circumstances($0, living.status(of: reference)) }
  }

  /// The same of objects that are about to change, as far as anything is, or is about to be, held back because of them.
  func apps(before change: FollowedChange) -> [ObjectReference: Set<String>] {
    if held.isEmpty, meanwhile == nil { return [:] }
    switch change {
    case .changed(let object), .removed(let object): return [object.reference: apps(of: object.reference)]
    case .all: return apps(before: living.objects.keys)
    }
  }

  func apps(before objects: some Sequence<ObjectReference>) -> [ObjectReference: Set<String>] {
    if held.isEmpty, meanwhile == nil { return [:] }
    return Dictionary(objects.map { ($0, apps(of: $0)) }, uniquingKeysWith: { $1 })
  }

  /// Notes what is to be judged again because a live object changed.
  ///
  /// - Parameter before: the apps that it was concerned with until then.
  func judgeAgain(after reference: ObjectReference, before: Set<String> = []) {
    if let held = held[reference], held.mayPass, held.circumstances != circumstances(of: reference) {
      toJudge.objects.insert(reference)
    }
    let isGone = living.objects[reference] == nil
    let now = apps(of: reference)
    for other in held.related(to: reference, apps: now.union(before)) {
      guard let known = held[other], known.verdict != .orphaned else { continue }
      // An app that is there or not may change everything for a cluster; clusters change all the time.
      let isAppInUse = other.kind == Wire.appKind && known.mayPass
      let isNews = known.verdict == .waiting || now != before
      if (isAppInUse && isNews) || isGone || reference.kind == Wire.appKind { toJudge.objects.insert(other) }
    }
  }
}
