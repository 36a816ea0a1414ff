import ClusterAPI
import DequeModule
import KubeDirector
import Upgrade

/// The cluster cache: all watched objects, indexed by the cluster that they belong to.
actor ClusterCache {
  private var clusters: [ObjectName: Object] = [:]
  private var apps: [ObjectName: KnownApp] = [:]
  private var parts: [ObjectName: Parts] = [:]
  private var work: [ObjectName: [String: PodWork]] = [:]
  /// Consecutive failed attempts to run a pod's order, by pod.
  private var startFailures: [ObjectName: [String: Misses]] = [:]
  private let systemNamespace: String

  private var budgets: [ObjectName: Budget] = [:]
  /// The name of this installation. Clusters with another installation's label are ignored. A cluster without the
  /// label is ignored too, unless it has a stamp: then the label was removed from one of our clusters.
  private let installation: String?
  private let stamp: Stamp
  private let isTenant: @Sendable (String) -> Bool
  private let now: @Sendable () -> Int

  private struct KnownApp {
    var app: App
    var uid: String
    /// Whether the app was applied from git.
    var isStamped: Bool
  }

  /// The objects with one cluster's label.
  struct Parts {
    var sets: [String: Object] = [:]
    var pods: [String: KnownPod] = [:]
    var services: [String: Service] = [:]
    /// When pods were deleted that have not been created again.
    var gone: [String: Int] = [:]

    var isEmpty: Bool { sets.isEmpty && pods.isEmpty && services.isEmpty }
  }

  /// The cached values of a service.
  struct Service: Sendable, Hashable {
    var owners: [String]
    /// A digest of the service's input, set by `ObjectBuilder`.
    var mark: String?

    init(_ object: Object) {
      owners = object.owners.map(\.uid)
      mark = object.annotation(ServiceAnnotation.mark)
    }
  }

  /// A snapshot of one cluster with all of its own objects.
  struct ClusterSnapshot: Sendable {
    var cluster: Object
    var sets: [String: Object]
    var pods: [String: KnownPod]
    var gone: [String: Int]
    /// The marks of its services, by name.
    var services: [String: String]
    var budgets: [Budget]
    var work: [String: PodWork]
    /// Why the pods' commands have failed for some time, by pod.
    var lastingFailures: [String: LastingFailure]
  }

  /// Why commands of a container have failed for some time.
  struct LastingFailure: Sendable, Hashable {
    var containerID: String
    var message: String
  }

  /// Tombstones: the uids of deleted pods, the latest last.
  private var tombstones: Deque<String> = []
  private var tombstoneSet: Set<String> = []
  private static let tombstoneLimit = 1024

  private var connections = ConnectionIndex()
  /// Emits `configMaps` and `secrets`, each when a cluster is first connected to an object of that kind.
  nonisolated let connectedKinds: AsyncStream<Resource>
  private let connect: AsyncStream<Resource>.Continuation
  private var connected: Set<Resource> = []

  init(
    systemNamespace: String, installation: String? = nil, stamp: Stamp,
    isTenant: @escaping @Sendable (String) -> Bool = { _ in true }, now: @escaping @Sendable () -> Int = { 0 }
  ) {
    self.now = now
    (connectedKinds, connect) = AsyncStream.makeStream(of: Resource.self)
    self.systemNamespace = systemNamespace
    self.installation = installation
    self.stamp = stamp
    self.isTenant = isTenant
  }

  /// The kinds that have been listed. Until all of them have been, an object that is missing here may exist.
  private var listed: Set<Resource> = []
  private static let followed: Set<Resource> = [
    .apps, .clusters, .statefulSets, .pods, .services, .disruptionBudgets,
  ]

  /// The snapshot of a cluster; nil if this engine does not manage it, or if not every kind has been listed yet.
  func snapshot(_ name: ObjectName) -> ClusterSnapshot? {
    guard listed.isSuperset(of: Self.followed), let cluster = clusters[name], isOurs(cluster) else {
      return nil
    }
    let parts = parts[name] ?? Parts()
    let uid = cluster.uid
    let sets = parts.sets.filter { set in set.value.owners.contains { $0.uid == uid } }
    let setUIDs = Set(sets.values.map(\.uid))
    // A pod without an owner is about to be adopted by the set whose labels it has.
    let pods = parts.pods.filter { pod in
      let owners = pod.value.owners
      return owners.isEmpty || owners.contains(where: setUIDs.contains)
    }
    let services = parts.services.filter { $0.value.owners.contains(uid) }.mapValues { $0.mark ?? "" }
    return ClusterSnapshot(
      cluster: cluster, sets: sets, pods: pods, gone: parts.gone, services: services,
      budgets: budgets.filter { $0.key.namespace == name.namespace }.map(\.value), work: work[name] ?? [:],
      lastingFailures: (startFailures[name] ?? [:]).compactMapValues { startFailures in
        startFailures.message.map { LastingFailure(containerID: startFailures.containerID, message: $0) }
      })
  }

  private func isOurs(_ cluster: Object) -> Bool {
    guard isTenant(cluster.namespace) else { return false }
    guard let installation else { return true }
    guard let owner = cluster.label(Wire.Label.source) else {
      return cluster.annotation(Wire.Annotation.stamp) != nil
    }
    return owner == installation
  }

  /// Records that the server does not serve a kind, so that it has no objects.
  func lacks(_ resource: Resource) { listed.insert(resource) }

  /// Finds an app by name in the pinned catalog; without a pinned catalog in the cluster's namespace, then in the
  /// system namespace.
  func app(_ name: String, namespace: String, catalog: AppCatalog?) -> (App, AppCatalog)? {
    if catalog != .system, let app = apps[ObjectName(namespace: namespace, name: name)]?.app {
      return (app, .local)
    }
    if catalog != .local, let app = apps[ObjectName(namespace: systemNamespace, name: name)]?.app {
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

  /// Applies an object reported by the server. It exists, even if it was reported as deleted before: a pod may have
  /// lost the label that the watch selects by, and got it back.
  private func see(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    if resource == .pods { tombstoneSet.remove(object.uid) }
    return put(object, resource)
  }

  /// Applies an object, for example the response to our own write, before the watch reports it.
  @discardableResult
  func put(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    let name = object.objectName
    switch resource {
    case .clusters:
      guard isNewer(object, than: clusters[name]) else { return [] }
      index(object, over: clusters.updateValue(object, forKey: name))
      return connections.dependents(on: .clusters, name).union([name])
    case .configMaps, .secrets:
      guard isNewer(object, than: connections[resource, name]) else { return [] }
      connections[resource, name] = object
      return connections.dependents(on: resource, name)
    case .apps:
      guard let app = App(object.json) else { return [] }
      let isStamped = stamp.holds(object.json)
      guard isStamped || !isEdited(object) else { return [] }
      apps[name] = KnownApp(app: app, uid: object.uid, isStamped: isStamped)
      return Set(clusters.keys.filter { $0.namespace == name.namespace || name.namespace == systemNamespace })
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
        guard isNewer(object, than: parts[owner]?.sets[object.name]) else { return [] }
        parts[owner, default: Parts()].sets[object.name] = object
      case .pods:
        guard !tombstoneSet.contains(object.uid) else { return [] }
        guard isNewer(object, than: parts[owner]?.pods[object.name]?.object) else { return [] }
        parts[owner, default: Parts()].pods[object.name] = KnownPod(object)
        parts[owner]?.gone[object.name] = nil
      case .services: parts[owner, default: Parts()].services[object.name] = Service(object)
      default: return []
      }
      return [owner]
    }
  }

  /// Whether an app came from git and differs from git. Until it is restored, the last version from git applies.
  private func isEdited(_ app: Object) -> Bool {
    if let installation, app.label(Wire.Label.source) == installation { return true }
    if app.annotation(Wire.Annotation.stamp) != nil { return true }
    guard let known = apps[app.objectName] else { return false }
    return known.isStamped && known.uid == app.uid
  }

  private func remove(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    let name = object.objectName
    switch resource {
    case .clusters:
      index(nil, over: clusters.removeValue(forKey: name))
      work[name] = nil
      startFailures[name] = nil
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
        addTombstone(object.uid)
      case .services: parts[owner]?.services[object.name] = nil
      default: break
      }
      if clusters[owner] == nil, parts[owner]?.isEmpty == true { parts[owner] = nil }
      return [owner]
    }
  }

  /// Remembers a deleted pod: the response to our own write may arrive after the watch has reported the deletion.
  private func addTombstone(_ uid: String) {
    tombstones.append(uid)
    tombstoneSet.insert(uid)
    if tombstones.count > Self.tombstoneLimit { tombstoneSet.remove(tombstones.removeFirst()) }
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

  /// Resource versions are increasing numbers on every supported server, also across objects of the same name.
  private func isNewer(_ object: Object, than known: Object?) -> Bool {
    guard let known, let old = Int(known.resourceVersion),
      let new = Int(object.resourceVersion)
    else { return true }
    return new > old
  }

  // MARK: - Connections

  private func index(_ new: Object?, over old: Object?) {
    let kinds = connections.index(new, over: old)
    guard let new, isOurs(new) else { return }
    for kind in kinds.sorted(by: { $0.kind < $1.kind })
    where kind != .clusters && connected.insert(kind).inserted { connect.yield(kind) }
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
    guard let object = clusters[name], let cluster = Cluster(object.json),
      let status = ClusterStatus(object.json["status"]),
      let (app, _) = app(status.app, namespace: name.namespace, catalog: status.appCatalog)
    else { return nil }
    return Connections.Neighbour(cluster: cluster, status: status, app: app.spec)
  }

  // MARK: - Work in pods

  /// Records the result of a pod order, unless the pod has been given another order meanwhile.
  func endWork(_ cluster: ObjectName, pod: String, _ order: PodOrder, _ entry: PodWork?) {
    guard work[cluster]?[pod] == .running(order) else { return }
    work[cluster]?[pod] = entry
    if entry != nil { startFailures[cluster]?[pod] = nil }
  }

  /// Increments the pod's consecutive failed attempts.
  ///
  /// - Returns: the number of consecutive failures in the order's container.
  func recordStartFailure(
    _ cluster: ObjectName, pod: String, _ order: PodOrder, _ failure: CommandFailure, _ message: String
  ) -> CommandAttempts {
    var entry = startFailures[cluster]?[pod] ?? Misses(containerID: order.containerID)
    if entry.containerID != order.containerID { entry = Misses(containerID: order.containerID) }
    entry.attempts.total += 1
    if failure == .notStarted { entry.attempts.notStarted += 1 }
    entry.message = failure.isLasting(after: entry.attempts) ? message : nil
    startFailures[cluster, default: [:]][pod] = entry
    return entry.attempts
  }

  private struct Misses {
    var containerID: String
    var attempts = CommandAttempts()
    /// Set once the failure has lasted for some time.
    var message: String?
  }

  /// Removes results that a written status already contains.
  func dropFinished(_ cluster: ObjectName, _ seen: [String: PodWork]) {
    for (pod, entry) in seen where !entry.isRunning && work[cluster]?[pod] == entry {
      work[cluster]?[pod] = nil
    }
  }

  /// Reserves the pod for an order. Returns false if the pod is busy.
  func claimWork(_ cluster: ObjectName, pod: String, _ order: PodOrder) -> Bool {
    if case .running(let other) = work[cluster]?[pod], other.containerID == order.containerID { return false }
    work[cluster, default: [:]][pod] = .running(order)
    return true
  }
}
