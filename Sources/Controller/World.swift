import ClusterAPI
import DequeModule
import KubeDirector
import Upgrade

/// What the engine knows of the world: the objects it follows, found quickly by the cluster they belong to.
actor World {
  private var clusters: [ObjectName: Object] = [:]
  private var apps: [ObjectName: App] = [:]
  private var parts: [ObjectName: Parts] = [:]
  private var work: [ObjectName: [String: PodWork]] = [:]
  private let systemNamespace: String

  /// The objects of one cluster.
  struct Parts {
    var sets: [String: Object] = [:]
    var pods: [String: Object] = [:]
    var services: Set<String> = []

    var isEmpty: Bool { sets.isEmpty && pods.isEmpty && services.isEmpty }
  }

  /// One cluster with everything that is its own, at one moment.
  struct Picture: Sendable {
    var cluster: Object
    var sets: [String: Object]
    var pods: [String: Object]
    var services: Set<String>
    var work: [String: PodWork]
  }

  /// Pods that went, the latest last.
  private var graves: Deque<String> = []
  private var buried: Set<String> = []
  private static let graveCount = 1024

  init(systemNamespace: String) { self.systemNamespace = systemNamespace }

  /// The kinds that have been listed. Before all of them have, what is missing here proves nothing.
  private var listed: Set<Resource> = []
  private static let followed: Set<Resource> = [.apps, .clusters, .statefulSets, .pods, .services]

  /// Nil also until every kind has been listed once.
  func picture(_ name: ObjectName) -> Picture? {
    guard listed.isSuperset(of: Self.followed), let cluster = clusters[name] else { return nil }
    let parts = parts[name] ?? Parts()
    return Picture(
      cluster: cluster, sets: parts.sets, pods: parts.pods, services: parts.services, work: work[name] ?? [:])
  }

  /// An app by its name: from the catalog that was pinned, else from the cluster's namespace, then the system's.
  func app(_ name: String, namespace: String, catalog: AppCatalog?) -> (App, AppCatalog)? {
    if catalog != .system, let app = apps[ObjectName(namespace: namespace, name: name)] {
      return (app, .local)
    }
    if catalog != .local, let app = apps[ObjectName(namespace: systemNamespace, name: name)] {
      return (app, .system)
    }
    return nil
  }

  // MARK: - Following

  /// Takes a change in; returns the clusters that must be looked at again.
  func take(_ change: FollowedChange, of resource: Resource) -> Set<ObjectName> {
    switch change {
    case .all(let objects):
      listed.insert(resource)
      var touched = forget(resource)
      for object in objects { touched.formUnion(put(object, resource)) }
      return touched
    case .changed(let object): return put(object, resource)
    case .removed(let object): return remove(object, resource)
    }
  }

  /// Takes in what a write of ours gave back, before the watch tells of it.
  @discardableResult
  func put(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    let name = object.objectName
    switch resource {
    case .clusters:
      guard isNewer(object, than: clusters[name]) else { return [] }
      clusters[name] = object
      return [name]
    case .apps:
      guard let app = App(object.json) else { return [] }
      apps[name] = app
      return Set(clusters.keys.filter { $0.namespace == name.namespace || name.namespace == systemNamespace })
    default:
      guard let owner = owner(of: object) else { return [] }
      switch resource {
      case .statefulSets:
        guard isNewer(object, than: parts[owner]?.sets[object.name]) else { return [] }
        parts[owner, default: Parts()].sets[object.name] = object
      case .pods:
        guard !buried.contains(object.uid) else { return [] }
        guard isNewer(object, than: parts[owner]?.pods[object.name]) else { return [] }
        parts[owner, default: Parts()].pods[object.name] = object
      case .services: parts[owner, default: Parts()].services.insert(object.name)
      default: return []
      }
      return [owner]
    }
  }

  private func remove(_ object: Object, _ resource: Resource) -> Set<ObjectName> {
    let name = object.objectName
    switch resource {
    case .clusters:
      clusters[name] = nil
      work[name] = nil
      return []
    case .apps:
      apps[name] = nil
      return Set(clusters.keys)
    default:
      guard let owner = owner(of: object) else { return [] }
      switch resource {
      case .statefulSets: parts[owner]?.sets[object.name] = nil
      case .pods:
        if parts[owner]?.pods[object.name]?.uid == object.uid { parts[owner]?.pods[object.name] = nil }
        bury(object.uid)
      case .services: parts[owner]?.services.remove(object.name)
      default: break
      }
      if clusters[owner] == nil, parts[owner]?.isEmpty == true { parts[owner] = nil }
      return [owner]
    }
  }

  /// Remembers a pod that is gone: the answer to a write of ours may come in after the word of its end.
  private func bury(_ uid: String) {
    graves.append(uid)
    buried.insert(uid)
    if graves.count > Self.graveCount { buried.remove(graves.removeFirst()) }
  }

  private func forget(_ resource: Resource) -> Set<ObjectName> {
    let touched = Set(clusters.keys)
    switch resource {
    case .clusters: clusters = [:]
    case .apps: apps = [:]
    case .statefulSets: for owner in parts.keys { parts[owner]?.sets = [:] }
    case .pods: for owner in parts.keys { parts[owner]?.pods = [:] }
    case .services: for owner in parts.keys { parts[owner]?.services = [] }
    default: break
    }
    return touched
  }

  private func owner(of object: Object) -> ObjectName? {
    object.label(Wire.Label.cluster).map { ObjectName(namespace: object.namespace, name: $0) }
  }

  /// Resource versions are numbers that grow, on every server that is served here, also from one object of a name
  /// to the next.
  private func isNewer(_ object: Object, than known: Object?) -> Bool {
    guard let known, let old = Int(known.resourceVersion),
      let new = Int(object.resourceVersion)
    else { return true }
    return new > old
  }

  // MARK: - Work in pods

  /// Says what became of an order, unless the pod has been given another one meanwhile.
  func endWork(_ cluster: ObjectName, pod: String, _ order: PodOrder, _ entry: PodWork?) {
    guard work[cluster]?[pod] == .running(order) else { return }
    work[cluster]?[pod] = entry
  }

  /// Forgets results that have been taken into a written status.
  func dropFinished(_ cluster: ObjectName, _ seen: [String: PodWork]) {
    for (pod, entry) in seen where !entry.isRunning && work[cluster]?[pod] == entry {
      work[cluster]?[pod] = nil
    }
  }

  /// False where the pod is busy already.
  func claimWork(_ cluster: ObjectName, pod: String, _ order: PodOrder) -> Bool {
    if case .running(let other) = work[cluster]?[pod], other.containerID == order.containerID { return false }
    work[cluster, default: [:]][pod] = .running(order)
    return true
  }
}
