import Diagnostics
import KubeDirector
import Values

/// The context that rules may read besides the object that they check. Exists for one judgement.
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

  /// Beyond these limits, clusters that claim the same name, or the names of one cluster, are not compared one by one.
  private static let claimLimit = 20
  private static let rivalLimit = 100

  /// The clusters that may have an object with the same name as one of this cluster's objects and that keep the name,
  /// sorted.
  ///
  /// - Returns: The clusters, and whether there are more than can be compared.
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

  /// Whether the first of two clusters keeps a name that both claim: an existing cluster before a new one, then the
  /// first by name.
  private func keepsNames(_ one: Sourced<Cluster>, before other: Sourced<Cluster>) -> Bool {
    let (isNew, isOtherNew) = (base?.cluster(one.reference) == nil, base?.cluster(other.reference) == nil)
    return isNew == isOtherNew ? one.reference < other.reference : !isNew
  }

  /// The clusters of a namespace that claim a name, those that keep it first.
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

  /// The names of a cluster's objects.
  func objectNames(of cluster: Sourced<Cluster>) -> ObjectNames {
    if let known = names[cluster.reference] { return known }
    let made = ObjectNames(cluster.cluster)
    names[cluster.reference] = made
    return made
  }

  /// The names of the apps that git has in these namespaces, sorted.
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

  /// An app and the catalog in which it was found.
  struct FoundApp {
    var app: App
    var catalog: AppCatalog
  }

  /// The relation of a cluster to its app.
  enum Use {
    /// The cluster already runs the app: if a change of the app is rejected, the cluster keeps the app's old state.
    case keeps
    /// The cluster starts to use the app, in the state of this commit.
    case takesOn
  }

  /// The app that a name means for a cluster of this namespace.
  ///
  /// The first that exists: the app as it will be applied; for a cluster that keeps it, the app's old state; the live
  /// app.
  func app(named name: String, catalog: AppCatalog?, in namespace: String, _ use: Use = .keeps) -> FoundApp? {
    let (local, system) = (ObjectReference.app(namespace, name), ObjectReference.app(systemNamespace, name))
    switch catalog {
    case .local: return app(local, use).map { FoundApp(app: $0, catalog: .local) }
    case .system: return app(system, use).map { FoundApp(app: $0, catalog: .system) }
    case nil:
      if let app = app(local, use) { return FoundApp(app: app, catalog: .local) }
      // An app of the same name does not replace one that exists and cannot be used.
      return head.writtenApp(local) == nil
        ? app(system, use).map { FoundApp(app: $0, catalog: .system) } : nil
    }
  }

  /// The app that a cluster names, looked up in the catalog that the status has pinned, if any.
  func app(of cluster: Sourced<Cluster>, _ use: Use = .keeps) -> FoundApp? {
    let pinned = pin(cluster.spec.app, of: cluster.reference)
    return app(
      named: cluster.spec.app, catalog: cluster.spec.appCatalog ?? pinned, in: cluster.reference.namespace,
      use)
  }

  /// The roles whose new package makes a running upgrade impossible to roll back; empty if it can be rolled back.
  func rolesWithoutReturn(of cluster: ObjectReference, _ live: LiveCluster?) -> [String] {
    guard let status = live?.status, status.upgradeInfo != nil else { return [] }
    let app = app(named: status.app, catalog: status.appCatalog, in: cluster.namespace)?.app
    return status.roles(past: Self.pointOfNoReturn(of: app))
  }

  /// The roles that an app names as its point of no return.
  static func pointOfNoReturn(of app: App?) -> Set<String> {
    ClusterStatus.roles(named: app?.metadata.annotations[Wire.Annotation.pointOfNoReturn])
  }

  /// Whether the head's change of the app waits, too.
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
    // Git does not control the daemon's own namespace; its apps come from the live cluster.
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

  /// The judgement of an app between base and head. It looks up no other app, so there is no infinite recursion.
  func judgement(of app: ObjectReference) -> AppJudgement {
    if let known = judgements[app] { return known }
    let judgement = AppJudgement(app, old: base?.app(app), new: head.app(app), in: self)
    judgements[app] = judgement
    return judgement
  }

  /// Whether an app passes the rules. An app that was already invalid in git was never applied.
  private func keepsRules(_ app: Sourced<App>) -> Bool {
    if let known = soundness[ObjectIdentifier(app)] { return known }
    // A cluster whose app is outside the allowed namespaces is outside of them too, and has its own finding.
    let keeps = RuleRegistry.appRules.allSatisfy { rule in
      rule == AppTenancy.self
        || rule.check(app, in: self).allSatisfy { ($0.severity ?? rule.description.severity) == .warning }
    }
    soundness[ObjectIdentifier(app)] = keeps
    return keeps
  }

  /// The clusters of the head that use an app, if the app exists.
  func users(of app: ObjectReference) -> [ObjectReference] {
    head.clusters(using: app, systemNamespace: systemNamespace).filter { uses($0, app) }
  }

  /// Whether a cluster that names an app of this name uses this app.
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
