import ClusterAPI
import KubeDirector
import LiveState
import Upgrade
import Values

/// The cluster cache: all watched objects, indexed by the cluster that they belong to.
actor ClusterCache {
  private var clusters: [ObjectName: KnownCluster] = [:]
  private var apps: [ObjectName: KnownApp] = [:]
  private var parts: [ObjectName: Parts] = [:]
  private var budgets: [ObjectName: Budget] = [:]
  private var podWork = PodWorkTable()
  /// Deleted pods. The response to the engine's own write may arrive after the watch has reported the deletion.
  private var tombstones = Tombstones(limit: 1024)
  private var connections = ConnectionIndex()
  /// Emits `configMaps` and `secrets`, each when a cluster is first connected to an object of that kind.
  nonisolated let connectedKinds: AsyncStream<Resource>
  private var kinds: ConnectedKinds
  private let scope: EngineScope
  private let now: @Sendable () -> Int

  /// The objects with one cluster's label.
  struct Parts {
    var sets: [String: KnownSet] = [:]
    var pods: [String: KnownPod] = [:]
    var services: [String: KnownService] = [:]
    /// When pods were deleted that have not been created again.
    var gone: [String: Int] = [:]

    var isEmpty: Bool { sets.isEmpty && pods.isEmpty && services.isEmpty }
  }

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

  /// The kinds that have been listed. Until all of them have been, an object that is missing here may exist.
  private var listed: Set<Resource> = []
  private static let followed: Set<Resource> = [
    .apps, .clusters, .statefulSets, .pods, .services, .disruptionBudgets,
  ]

  /// The snapshot of a cluster; nil if this engine does not manage it, or if not every kind has been listed yet.
  func snapshot(_ name: ObjectName) -> ClusterSnapshot? {
    guard listed.isSuperset(of: Self.followed), let cluster = clusters[name],
      scope.manages(cluster.object)
    else {
      return nil
    }
    let parts = parts[name] ?? Parts()
    let uid = cluster.object.uid
    let sets = parts.sets.filter { $0.value.owners.contains(uid) }
    let setUIDs = Set(sets.values.map(\.uid))
    // A pod without an owner is about to be adopted by the set whose labels it has.
    let pods = parts.pods.filter { pod in
      let owners = pod.value.owners
      return owners.isEmpty || owners.contains(where: setUIDs.contains)
    }
    let services = parts.services.filter { $0.value.owners.contains(uid) }.mapValues { $0.mark ?? "" }
    return ClusterSnapshot(
      cluster: cluster, sets: sets, pods: pods, gone: parts.gone, services: services,
      budgets: budgets.filter { $0.key.namespace == name.namespace }.map(\.value), work: podWork.of(name),
      lastingFailures: podWork.lastingFailures(of: name))
  }

  /// Records that the server does not serve a kind, so that it has no objects.
  func lacks(_ resource: Resource) { listed.insert(resource) }

  /// Finds an app by name in the pinned catalog; without a pinned catalog in the cluster's namespace, then in the
  /// system namespace.
  func app(_ name: String, namespace: String, catalog: AppCatalog?) -> (App, AppCatalog)? {
    if catalog != .system, let app = apps[ObjectName(namespace: namespace, name: name)]?.app {
      return (app, .local)
    }
    if catalog != .local, let app = apps[ObjectName(namespace: scope.systemNamespace, name: name)]?.app {
      return (app, .system)
    }
    return nil
  }

  // MARK: - Following

  /// Applies a watched change.
  ///
  /// - Returns: the clusters to reconcile.
  func take(_ change: FollowedChange, of resource: Resource) -> Set<ObjectName> {
    switch change {
    case .all(let objects):
      listed.insert(resource)
      var touched = forget(resource)
      for object in objects { touched.formUnion(see(object, resource)) }
      return touched
    case .changed(let object): return see(object, resource)
    case .removed(let object): return remove(object, resource)
    }
  }

  /// Applies an object reported by the server. The object exists even if the watch reported it as deleted before: a
  /// pod may have lost the label that the watch selects by, and regained it.
  private func see(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    if resource == .pods { tombstones.remove(object.uid) }
    return put(object, resource)
  }

  /// Applies an object before the watch reports it, for example the response to the engine's own write.
  @discardableResult
  func put(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    let name = object.objectName
    switch resource {
    case .clusters: return put(cluster: object)
    case .configMaps, .secrets:
      guard object.isNewer(than: connections[resource, name]) else { return [] }
      connections[resource, name] = object
      return connections.dependents(on: resource, name)
    case .apps:
      guard let app = App(object.json) else { return [] }
      let isStamped = scope.stamp.holds(object.json)
      guard isStamped || !scope.isEdited(object, since: apps[name]) else { return [] }
      apps[name] = KnownApp(app: app, uid: object.uid, isStamped: isStamped)
      return Set(
        clusters.keys.filter { $0.namespace == name.namespace || name.namespace == scope.systemNamespace })
    case .disruptionBudgets:
      let budget = Budget(object)
      let old = budgets.updateValue(budget, forKey: name)
      guard old != budget else { return [] }
      let released = old.map { covered(by: $0, in: name.namespace) } ?? []
      return covered(by: budget, in: name.namespace).union(released)
    default:
      guard let owner = owner(of: object) else { return [] }
      switch resource {
      case .statefulSets:
        guard object.isNewer(than: parts[owner]?.sets[object.name]?.object) else { return [] }
        parts[owner, default: Parts()].sets[object.name] = KnownSet(object, of: owner.name)
      case .pods:
        guard !tombstones.contains(object.uid) else { return [] }
        guard object.isNewer(than: parts[owner]?.pods[object.name]?.object) else { return [] }
        parts[owner, default: Parts()].pods[object.name] = KnownPod(object)
        parts[owner]?.gone[object.name] = nil
      case .services: parts[owner, default: Parts()].services[object.name] = KnownService(object)
      default: return []
      }
      return [owner]
    }
  }

  /// Applies a cluster.
  ///
  /// - Parameter written: the status that was just written, with its JSON.
  /// - Returns: the clusters to reconcile.
  func put(cluster object: Object, written: (status: ClusterStatus, json: JSON)? = nil) -> Set<ObjectName> {
    let name = object.objectName
    let old = clusters[name]
    guard object.isNewer(than: old?.object) else { return [] }
    clusters[name] = KnownCluster(object, over: old, stamp: scope.stamp, written: written)
    index(object, over: old?.object)
    return connections.dependents(on: .clusters, name).union([name])
  }

  private func remove(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    let name = object.objectName
    switch resource {
    case .clusters:
      index(nil, over: clusters.removeValue(forKey: name)?.object)
      podWork.forget(name)
      return connections.dependents(on: .clusters, name)
    case .configMaps, .secrets:
      connections[resource, name] = nil
      return connections.dependents(on: resource, name)
    case .apps:
      apps[name] = nil
      return Set(clusters.keys)
    case .disruptionBudgets:
      return budgets.removeValue(forKey: name).map { covered(by: $0, in: name.namespace) } ?? []
    default:
      guard let owner = owner(of: object) else { return [] }
      switch resource {
      case .statefulSets:
        if parts[owner]?.sets[object.name]?.uid == object.uid { parts[owner]?.sets[object.name] = nil }
      case .pods:
        if parts[owner]?.pods[object.name]?.uid == object.uid {
          parts[owner]?.pods[object.name] = nil
          parts[owner]?.gone[object.name] = now()
        }
        tombstones.insert(object.uid)
      case .services: parts[owner]?.services[object.name] = nil
      default: break
      }
      if clusters[owner] == nil, parts[owner]?.isEmpty == true { parts[owner] = nil }
      return [owner]
    }
  }

  private func forget(_ resource: Resource) -> Set<ObjectName> {
    guard resource != .configMaps, resource != .secrets else {
      connections.forget(resource)
      return connections.dependents(on: resource)
    }
    let touched = Set(clusters.keys)
    switch resource {
    case .clusters:
      clusters = [:]
      connections.forgetClusters()
    case .apps: apps = [:]
    case .statefulSets: for owner in parts.keys { parts[owner]?.sets = [:] }
    case .pods: for owner in parts.keys { parts[owner]?.pods = [:] }
    case .services: for owner in parts.keys { parts[owner]?.services = [:] }
    case .disruptionBudgets: budgets = [:]
    default: break
    }
    return touched
  }

  /// The clusters whose upgrades may wait for the budget.
  private func covered(by budget: Budget, in namespace: String) -> Set<ObjectName> {
    Set(
      clusters.keys.filter { name in
        name.namespace == namespace
          && parts[name]?.pods.values.contains { budget.selector.covers($0.object.labels) } == true
      })
  }

  private func owner(of object: Object) -> ObjectName? {
    object.label(Wire.Label.cluster).map { ObjectName(namespace: object.namespace, name: $0) }
  }

  // MARK: - Connections

  private func index(_ new: Object?, over old: Object?) {
    let connected = connections.index(new, over: old)
    if let new, scope.manages(new) { kinds.emit(connected) }
  }

  /// The available objects out of those that a cluster in the namespace names, in the order in which they are named.
  func connections(_ wanted: ClusterSpec.Connections, namespace: String) -> Connections {
    var found = Connections()
    for kind in Connections.Kind.allCases {
      let names = wanted.names(kind)
      guard !names.isEmpty else { continue }
      guard kind == .clusters || listed.contains(kind.resource) else {
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
    guard let known = clusters[name], let cluster = known.cluster, let status = known.status,
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
