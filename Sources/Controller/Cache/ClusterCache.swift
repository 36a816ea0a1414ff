import ClusterAPI
import KubeDirector
import LiveState
import Upgrade
import Values

/// The cluster cache: all watched objects, indexed by the cluster that they belong to.
actor ClusterCache {
  private var clusters = WatchedObjects<KnownCluster>()
  private var apps = WatchedObjects<KnownApp>()
  private var budgets = WatchedObjects<Budget>()
  private var members = ClusterMembers()
  private var podWork = PodWorkTable()
  private var connections = ConnectionIndex()
  /// Emits `configMaps` and `secrets`, each when a cluster is first connected to an object of that kind.
  nonisolated let connectedKinds: AsyncStream<Resource>
  private var kinds: ConnectedKinds
  private let scope: EngineScope
  private let now: @Sendable () -> Int

  /// A snapshot of one cluster with all of its own objects.
  struct ClusterSnapshot: Sendable {
    var cluster: KnownCluster
    var sets: [String: KnownSet]
    var pods: [String: KnownPod]
    var gone: [String: Int]
    /// The marks of its services, by name.
    var services: [String: String]
    var budgets: [Budget]
    var work: [String: PodWork]
    /// Why the pods' commands have failed for some time, by pod.
    var lastingFailures: [String: PodWorkTable.LastingFailure]
  }

  init(
    systemNamespace: String, installation: String? = nil, stamp: Stamp,
    isTenant: @escaping @Sendable (String) -> Bool = { _ in true }, now: @escaping @Sendable () -> Int = { 0 }
  ) {
    self.now = now
    let (stream, continuation) = AsyncStream.makeStream(of: Resource.self)
    (connectedKinds, kinds) = (stream, ConnectedKinds(continuation))
    scope = EngineScope(
      systemNamespace: systemNamespace, installation: installation, stamp: stamp, isTenant: isTenant)
  }

  /// Whether every kind has been listed. Until then, an object that is missing here may exist.
  private var isComplete: Bool {
    members.areListed && apps.isListed(WatchScope(.apps)) && clusters.isListed(WatchScope(.clusters))
      && budgets.isListed(WatchScope(.disruptionBudgets))
  }

  /// The snapshot of a cluster; nil if this engine does not manage it, or if not every kind has been listed yet.
  func snapshot(_ name: ObjectName) -> ClusterSnapshot? {
    guard isComplete, let cluster = clusters[.clusters, name], scope.manages(cluster.object) else {
      return nil
    }
    let own = members.snapshot(name, uid: cluster.object.uid)
    return ClusterSnapshot(
      cluster: cluster, sets: own.sets, pods: own.pods, gone: own.gone, services: own.services,
      budgets: budgets.values.filter { $0.key.namespace == name.namespace }.map(\.value),
      work: podWork.of(name), lastingFailures: podWork.lastingFailures(of: name))
  }

  /// Records that the server does not serve PodDisruptionBudgets, so that there are none.
  func lacksBudgets() { budgets.lacks(WatchScope(.disruptionBudgets)) }

  /// Finds an app by name in the pinned catalog; without a pinned catalog in the cluster's namespace, then in the
  /// system namespace.
  func app(_ name: String, namespace: String, catalog: AppCatalog?) -> (App, AppCatalog)? {
    if catalog != .system, let app = apps[.apps, ObjectName(namespace: namespace, name: name)]?.app {
      return (app, .local)
    }
    let system = ObjectName(namespace: scope.systemNamespace, name: name)
    if catalog != .local, let app = apps[.apps, system]?.app { return (app, .system) }
    return nil
  }

  // MARK: - Following

  /// Applies a watched change.
  ///
  /// - Returns: the clusters to reconcile: after a list all of them, because a snapshot is available only once every
  ///   kind has been listed.
  func take(_ change: FollowedChange, of resource: Resource) -> Set<ObjectName> {
    if resource == .configMaps || resource == .secrets { return connections.take(change, of: resource) }
    let touched =
      switch resource {
      case .clusters: index(clusters.take(change, of: WatchScope(.clusters)) { decode($0, $1, written: nil) })
      case .apps: users(of: apps.take(change, of: WatchScope(.apps)) { KnownApp($0, over: $1, scope) })
      case .disruptionBudgets: covered(by: budgets.take(change, of: WatchScope(.disruptionBudgets)))
      default: take(change, ofMembers: resource)
      }
    guard case .all = change else { return touched }
    return touched.union(clusterNames)
  }

  /// Applies an object before the watch reports it, for example the response to the engine's own write.
  @discardableResult
  func put(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    switch resource {
    case .clusters: put(cluster: object)
    case .apps: users(of: apps.put(object) { KnownApp($0, over: $1, scope) }.map { [$0] } ?? [])
    default: members.put(object, resource)
    }
  }

  /// Applies a cluster.
  ///
  /// - Parameter written: the status that was just written, with its JSON.
  /// - Returns: the clusters to reconcile.
  func put(cluster object: Object, written: (status: ClusterStatus, json: JSON)? = nil) -> Set<ObjectName> {
    index(clusters.put(object) { decode($0, $1, written: written) }.map { [$0] } ?? [])
  }

  private func decode(
    _ object: Object, _ known: KnownCluster?, written: (status: ClusterStatus, json: JSON)?
  ) -> KnownCluster {
    KnownCluster(object, over: known, stamp: scope.stamp, written: written)
  }

  private func take(_ change: FollowedChange, ofMembers resource: Resource) -> Set<ObjectName> {
    let touched = members.take(change, of: resource, now: now())
    for name in touched where clusters[.clusters, name] == nil { members.forgetDeletions(of: name) }
    return touched
  }

  private var clusterNames: Set<ObjectName> {
    Set(clusters.values.keys.map { ObjectName(namespace: $0.namespace, name: $0.name) })
  }

  /// The clusters that may use a changed app.
  private func users(of changes: [WatchedObjects<KnownApp>.Change]) -> Set<ObjectName> {
    guard !changes.isEmpty else { return [] }
    let places = Set(changes.map(\.reference.namespace))
    guard !places.contains(scope.systemNamespace) else { return clusterNames }
    return clusterNames.filter { places.contains($0.namespace) }
  }

  /// The clusters whose upgrades may wait for a changed budget.
  private func covered(by changes: [WatchedObjects<Budget>.Change]) -> Set<ObjectName> {
    changes.reduce(into: []) { found, change in
      let budgets: [Budget] =
        switch change {
        case .removed(_, let budget): [budget]
        case .stored(_, let budget, let replaced):
          budget == replaced ? [] : [budget] + (replaced.map { [$0] } ?? [])
        }
      guard !budgets.isEmpty else { return }
      found.formUnion(
        clusterNames.filter { name in
          name.namespace == change.reference.namespace && budgets.contains { members.covers($0, name) }
        })
    }
  }

  // MARK: - Connections

  /// Updates the index of connections.
  ///
  /// - Returns: the clusters to reconcile.
  private func index(_ changes: [WatchedObjects<KnownCluster>.Change]) -> Set<ObjectName> {
    var touched: Set<ObjectName> = []
    for change in changes {
      let name = ObjectName(namespace: change.reference.namespace, name: change.reference.name)
      touched.formUnion(connections.dependents(on: .clusters, name))
      switch change {
      case .stored(_, let new, let replaced):
        let connected = connections.index(new.object, over: replaced?.object)
        if scope.manages(new.object) { kinds.emit(connected) }
        touched.insert(name)
      case .removed(_, let old):
        _ = connections.index(nil, over: old.object)
        podWork.forget(name)
        members.forgetDeletions(of: name)
      }
    }
    return touched
  }

  /// The available objects out of those that a cluster in the namespace names, in the order in which they are named.
  func connections(_ wanted: ClusterSpec.Connections, namespace: String) -> Connections {
    var found = Connections()
    for kind in Connections.Kind.allCases {
      let names = wanted.names(kind)
      guard !names.isEmpty else { continue }
      guard kind == .clusters || connections.isListed(kind.resource) else {
        found.unread.append(kind.rawValue)
        continue
      }
      for name in names {
        let object = ObjectName(namespace: namespace, name: name)
        switch kind {
        case .configmaps: connections[.configMaps, object].map { found.configMaps.append($0) } ?? miss()
        case .secrets: connections[.secrets, object].map { found.secrets.append($0) } ?? miss()
        case .clusters: neighbour(object).map { found.clusters.append($0) } ?? miss()
        }
        func miss() { found.missing.append(Connections.name(kind, name)) }
      }
    }
    return found
  }

  private func neighbour(_ name: ObjectName) -> Connections.Neighbour? {
    // Another operator's status has neither the app nor the headless service where kdops has them.
    guard let known = clusters[.clusters, name], let cluster = known.cluster,
      let status = ForeignAdoption.statusBeforeAdoption(of: known.object.json) ?? known.status,
      let (app, _) = app(status.app, namespace: name.namespace, catalog: status.appCatalog)
    else { return nil }
    return Connections.Neighbour(cluster: cluster, status: status, app: app.spec)
  }

  // MARK: - Work in pods

  /// Reserves the pod for an order. Returns false if the pod is busy.
  func claimWork(_ cluster: ObjectName, pod: String, _ order: PodOrder) -> Bool {
    podWork.claim(cluster, pod: pod, order)
  }

  /// Records the result of a pod order, unless the pod has been given another order meanwhile.
  func endWork(_ cluster: ObjectName, pod: String, _ order: PodOrder, _ entry: PodWork?) {
    podWork.end(cluster, pod: pod, order, entry)
  }

  /// Increments the pod's consecutive failed attempts.
  ///
  /// - Returns: the number of consecutive failures in the order's container.
  func recordStartFailure(
    _ cluster: ObjectName, pod: String, _ order: PodOrder, _ failure: CommandFailure, _ message: String
  ) -> CommandAttempts {
    podWork.recordStartFailure(cluster, pod: pod, order, failure, message)
  }

  /// Removes results that a written status already contains.
  func dropFinished(_ cluster: ObjectName, _ seen: [String: PodWork]) {
    if !seen.isEmpty { podWork.dropFinished(cluster, seen) }
  }
}
