import Diagnostics
import KubeDirector
import Values

/// What rules may look at beside the object in hand. Lives as long as one judgement.
public final class RuleContext {
  public let base: Snapshot?
  public let head: Snapshot
  public let live: LiveView
  public let policy: Policy?
  private var judgements: [ObjectReference: AppJudgement] = [:]
  private var soundness: [ObjectIdentifier: Bool] = [:]
  private var names: [ObjectReference: ObjectNames] = [:]
  private var claimants: [ClaimKey: [Sourced<Cluster>]] = [:]
  private var namesOfApps: [ExactString: [String]]?

  init(_ request: JudgeRequest) {
    base = request.base
    head = request.head
    live = request.live
    policy = request.policy
  }

  var systemNamespace: String { policy?.systemNamespace ?? Policy.defaultSystemNamespace }

  // MARK: Names

  /// More clusters that claim one name, or names of one cluster, are not compared one by one.
  private static let claimLimit = 20
  private static let rivalLimit = 100

  /// Clusters that may have an object of a name which is one of this cluster's, and keep it, in order.
  ///
  /// - Returns: them, and whether there are more than can be compared.
  func rivals(of cluster: Sourced<Cluster>) -> (found: [Sourced<Cluster>], areMore: Bool) {
    guard head.mayHaveRivals(cluster) else { return ([], false) }
    var found: [ObjectReference: Sourced<Cluster>] = [:]
    var areMore = false
    for claim in ClusterIndex.claims(of: cluster).flatMap(\.opposites) {
      for (number, rival) in claimants(of: claim, in: cluster.reference.namespace).enumerated() {
        guard keepsNames(rival, before: cluster) else { break }
        if number == Self.claimLimit || found.count == Self.rivalLimit {
          areMore = areMore || found[rival.reference] == nil
          break
        }
        found[rival.reference] = rival
      }
    }
    return (found.values.sorted { $0.reference < $1.reference }, areMore)
  }

  /// A cluster that was there before keeps its names; of two new ones the first by name does.
  private func keepsNames(_ one: Sourced<Cluster>, before other: Sourced<Cluster>) -> Bool {
    let (isNew, isOtherNew) = (base?.cluster(one.reference) == nil, base?.cluster(other.reference) == nil)
    return isNew == isOtherNew ? one.reference < other.reference : !isNew
  }

  /// The clusters of a namespace that claim a name, those first that keep it.
  private func claimants(of claim: ClusterClaim, in namespace: String) -> [Sourced<Cluster>] {
    let key = ClaimKey(claim: claim, namespace: ExactString(namespace))
    if let known = claimants[key] { return known }
    let clusters = head.clusters(claiming: claim).filter { $0.namespace.isExactly(namespace) }
      .compactMap { head.writtenCluster($0) }.sorted { keepsNames($0, before: $1) }
    claimants[key] = clusters
    return clusters
  }

  private struct ClaimKey: Hashable {
    var claim: ClusterClaim
    var namespace: ExactString
  }

  /// What a cluster's objects are called.
  func objectNames(of cluster: Sourced<Cluster>) -> ObjectNames {
    if let known = names[cluster.reference] { return known }
    let made = ObjectNames(cluster.cluster)
    names[cluster.reference] = made
    return made
  }

  /// The names of the apps that git has in these namespaces, in order.
  func appNames(in namespaces: [String]) -> [String] {
    let known =
      namesOfApps
      ?? Dictionary(grouping: head.appReferences) { ExactString($0.namespace) }.mapValues {
        $0.map(\.name).sortedExactly()
      }
    namesOfApps = known
    let found = Set(namespaces.map { ExactString($0) }).compactMap { known[$0] }
    return found.count < 2 ? found.first ?? [] : found.joined().sortedExactly()
  }

  /// Where an app was found.
  struct FoundApp {
    var app: App
    var catalog: AppCatalog
  }

  /// How a cluster comes by its app.
  enum Use {
    /// It runs the app already: a change of the app that is refused leaves it with the app as it was.
    case keeps
    /// It is to run the app from now on, as this commit has it.
    case takesOn
  }

  /// The app that a cluster of this namespace gets for a name: as it is going to be applied, else, for one that
  /// keeps it, as it was; else as only the cluster holds it.
  func app(named name: String, catalog: AppCatalog?, in namespace: String, _ use: Use = .keeps) -> FoundApp? {
    let (local, system) = (ObjectReference.app(namespace, name), ObjectReference.app(systemNamespace, name))
    switch catalog {
    case .local: return app(local, use).map { FoundApp(app: $0, catalog: .local) }
    case .system: return app(system, use).map { FoundApp(app: $0, catalog: .system) }
    case nil:
      if let app = app(local, use) { return FoundApp(app: app, catalog: .local) }
      // A namesake does not step in for an app that is there and cannot be used.
      return head.writtenApp(local) == nil
        ? app(system, use).map { FoundApp(app: $0, catalog: .system) } : nil
    }
  }

  /// The app that a cluster names, looked up where the status has pinned it, if it has.
  func app(of cluster: Sourced<Cluster>, _ use: Use = .keeps) -> FoundApp? {
    let pinned = pin(cluster.spec.app, of: cluster.reference)
    return app(
      named: cluster.spec.app, catalog: cluster.spec.appCatalog ?? pinned, in: cluster.reference.namespace,
      use)
  }

  /// The roles whose new package has left a running upgrade no way back; none where there is one.
  func rolesWithoutReturn(of cluster: ObjectReference, _ live: LiveCluster?) -> [String] {
    guard let status = live?.status, status.upgradeInfo != nil else { return [] }
    let app = app(named: status.app, catalog: status.appCatalog, in: cluster.namespace)?.app
    return status.roles(past: Self.pointOfNoReturn(of: app))
  }

  /// The roles that an app names as those past which there is no way back.
  static func pointOfNoReturn(of app: App?) -> Set<String> {
    ClusterStatus.roles(named: app?.metadata.annotations[Wire.Annotation.pointOfNoReturn])
  }

  /// Whether the app as the head has it is itself kept back for now.
  func waits(_ app: App) -> Bool {
    let reference = ObjectReference.app(app.metadata.namespace, app.metadata.name)
    return head.app(reference) != nil && judgement(of: reference).worst == .waiting
  }

  private func pin(_ name: String, of cluster: ObjectReference) -> AppCatalog? {
    guard let status = live.cluster(cluster)?.status else { return nil }
    if status.app == name { return status.appCatalog }
    if let upgrade = status.upgradeInfo, upgrade.prevApp == name { return upgrade.prevAppCatalog }
    return nil
  }

  private func app(_ reference: ObjectReference, _ use: Use) -> App? {
    // Git has no say in the daemon's own namespace; what is there, the cluster holds.
    if policy != nil, reference.namespace == systemNamespace { return live.app(reference) }
    let isSingle = head.apps.repeated(reference).isEmpty
    if use == .takesOn, head.writtenApp(reference) != nil {
      guard let app = head.app(reference), keepsRules(app), judgement(of: reference).worst != .error, isSingle
      else {
        return nil
      }
      return app.app
    }
    if let app = head.app(reference), keepsRules(app), judgement(of: reference).worst == nil, isSingle {
      return app.app
    }
    if let app = base?.app(reference), keepsRules(app) { return app.app }
    return live.app(reference)
  }

  /// What comes of an app between base and head. Judging an app asks for no other app, so this ends.
  func judgement(of app: ObjectReference) -> AppJudgement {
    if let known = judgements[app] { return known }
    let judgement = AppJudgement(app, old: base?.app(app), new: head.app(app), in: self)
    judgements[app] = judgement
    return judgement
  }

  /// Whether an app could be applied at all; one that stood broken in git before was not.
  private func keepsRules(_ app: Sourced<App>) -> Bool {
    if let known = soundness[ObjectIdentifier(app)] { return known }
    // A cluster whose app is outside the allowed namespaces is outside of them too, and told so itself.
    let keeps = RuleRegistry.appRules.allSatisfy { rule in
      rule == AppTenancy.self
        || rule.check(app, in: self).allSatisfy { ($0.severity ?? rule.description.severity) == .warning }
    }
    soundness[ObjectIdentifier(app)] = keeps
    return keeps
  }

  /// The clusters of the head that use an app, given that the app is there.
  func users(of app: ObjectReference) -> [ObjectReference] {
    head.clusters(using: app, systemNamespace: systemNamespace).filter { uses($0, app) }
  }

  /// Whether a cluster that names an app means this very one.
  private func uses(_ cluster: ObjectReference, _ app: ObjectReference) -> Bool {
    let namespace = cluster.namespace
    switch head.catalog(of: cluster, naming: app.name) ?? pin(app.name, of: cluster) {
    case .local: return app.namespace == namespace
    case .system: return app.namespace == systemNamespace
    case nil:
      if app.namespace == namespace { return true }
      let local = ObjectReference.app(namespace, app.name)
      return app.namespace == systemNamespace && head.writtenApp(local) == nil
        && base?.writtenApp(local) == nil
        && live.app(local) == nil
    }
  }
}
