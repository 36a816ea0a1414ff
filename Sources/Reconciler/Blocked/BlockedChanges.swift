import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

/// A blocked change: it was judged and not applied.
struct BlockedObject {
  var verdict: Verdict
  var commit: ObjectID
  /// The ids of the rules that block it.
  var rules: Set<String> = []
  /// The names of the apps that the object refers to.
  var apps: Set<String> = []
  /// The live fingerprint at the time of the judgement.
  var fingerprint: LiveFingerprint?

  /// Whether the change may be unblocked without another commit, because the live state blocks it.
  var mayPass: Bool { verdict == .waiting || !rules.isDisjoint(with: Self.liveRules) }
  /// The ids of the rules that depend on the live state.
  private static let liveRules = Set(
    RuleRegistry.all.map { $0.description }.filter { $0.scope != .files }.map(\.id))

  /// The prefix of rule ids that stand for refusals by the API server.
  static let refusals = "api/"
  /// Whether the API server refused the change, rather than a kdops rule.
  var isRefused: Bool { rules.contains { $0.hasPrefix(Self.refusals) } }
}

/// The fields of a live object that can alter the verdict on a change.
struct LiveFingerprint: Hashable {
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

/// All blocked changes. They are kept, and judged again only when something related to them changes.
struct BlockedChanges: Sequence {
  private var all: [ObjectReference: BlockedObject] = [:]
  private var byApp: [String: Set<ObjectReference>] = [:]
  private var byCommit: [ObjectID: Set<ObjectReference>] = [:]
  /// Blocked clusters that any other cluster may affect: by a name that both want, or because of the limit on deletions
  /// at once.
  private var named: Set<ObjectReference> = []
  /// The list that was reported last, and from which state it was made.
  private var reported: BlockedChangeList?
  private var reportedVersion: Version?

  /// The state that a list of blocked changes is made from.
  struct Version: Hashable {
    /// `CommitLedger.notAppliedVersion`.
    var ledger: Int
    var refProblems: [RefProblem]
  }

  var isEmpty: Bool { all.isEmpty }

  subscript(reference: ObjectReference) -> BlockedObject? {
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

  /// The blocked objects of some commits, except orphaned ones.
  func objects(of commits: Set<ObjectID>) -> Set<ObjectReference> {
    var found: Set<ObjectReference> = []
    for commit in commits { found.formUnion(byCommit[commit] ?? []) }
    return found.filter { all[$0]?.verdict != .orphaned }
  }

  /// The clusters that are kept although their file is gone.
  var blockedPrunes: Set<ObjectReference> { named.filter { all[$0]?.rules.contains(ObjectPrune.id) == true } }

  /// Blocked objects whose verdict may depend on an object: clusters and their apps affect each other, and so do
  /// clusters that want the same names.
  ///
  /// - Parameter apps: the app itself, or the apps that a cluster names or named before.
  func related(to reference: ObjectReference, apps: Set<String>) -> Set<ObjectReference> {
    var found: Set<ObjectReference> = reference.kind == Wire.clusterKind ? named : []
    for app in apps {
      for other in byApp[app] ?? [] where other.kind != reference.kind { found.insert(other) }
    }
    return found
  }

  /// A change of a live object.
  struct LiveChange {
    var reference: ObjectReference
    var isGone: Bool
    /// The apps that the object refers to now.
    var apps: Set<String>
    /// The apps that it referred to before.
    var appsBefore: Set<String>
  }

  /// The blocked changes of other objects that a change of a live object may unblock. The presence of an app can change
  /// any verdict on a cluster; clusters change all the time.
  func unblocked(by change: LiveChange) -> Set<ObjectReference> {
    let related = related(to: change.reference, apps: change.apps.union(change.appsBefore))
    return related.filter { other in
      guard let known = all[other], known.verdict != .orphaned else { return false }
      let isAppInUse = other.kind == Wire.appKind && known.mayPass
      let isNews = known.verdict == .waiting || change.apps != change.appsBefore
      return (isAppInUse && isNews) || change.isGone || change.reference.kind == Wire.appKind
    }
  }

  func makeIterator() -> Dictionary<ObjectReference, BlockedObject>.Iterator { all.makeIterator() }

  private static func drop<Key: Hashable>(
    _ reference: ObjectReference, from key: Key, of index: inout [Key: Set<ObjectReference>]
  ) {
    index[key]?.remove(reference)
    if index[key]?.isEmpty == true { index[key] = nil }
  }

  // MARK: Reporting

  /// Whether a list that is made from this state may differ from the one that was reported last.
  func mayDiffer(at version: Version) -> Bool { reportedVersion != version }

  /// Whether a list differs from the one that was reported last. If not, it counts as reported.
  mutating func isNews(_ list: BlockedChangeList, at version: Version) -> Bool {
    if reported == list { reportedVersion = version }
    return reported != list
  }

  mutating func report(_ list: BlockedChangeList, at version: Version) {
    (reported, reportedVersion) = (list, version)
  }
}
