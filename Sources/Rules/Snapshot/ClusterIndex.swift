import Diagnostics
import HashTreeCollections
import KubeDirector

/// An index of the apps that clusters name and the object names that they claim; updated with every changed file.
struct ClusterIndex: Sendable {
  private var users: TreeDictionary<AppUse, TreeSet<ObjectReference>> = [:]
  /// The cluster that has a StatefulSet, by the fingerprint of the StatefulSet's name.
  private var names: TreeDictionary<UInt64, ObjectReference> = [:]
  /// Names that more than one cluster may claim.
  private var contested: TreeDictionary<UInt64, TreeSet<ObjectReference>> = [:]
  /// Clusters whose own name has the form of a pod name (`spark-worker-0`), by the StatefulSet that such a pod would
  /// belong to: the pod's service would have the same name as the cluster's service. Clusters with the same stem do
  /// not conflict with each other.
  private var stems: TreeDictionary<UInt64, TreeSet<ObjectReference>> = [:]

  mutating func insert(_ cluster: Sourced<Cluster>) {
    let reference = cluster.reference
    for use in Self.uses(of: cluster) { users[use, default: []].insert(reference) }
    if let stem = Self.stem(of: cluster) { stems[stem, default: []].insert(reference) }
    Self.eachSet(of: cluster) { name in
      guard let other = names[name] else {
        names[name] = reference
        return
      }
      guard other != reference else { return }
      contested[name, default: []].formUnion([other, reference])
    }
  }

  mutating func remove(_ cluster: Sourced<Cluster>) {
    let reference = cluster.reference
    for use in Self.uses(of: cluster) {
      users[use]?.remove(reference)
      if users[use]?.isEmpty == true { users[use] = nil }
    }
    if let stem = Self.stem(of: cluster) {
      stems[stem]?.remove(reference)
      if stems[stem]?.isEmpty == true { stems[stem] = nil }
    }
    Self.eachSet(of: cluster) { name in
      var claimants = contested[name] ?? []
      claimants.remove(reference)
      if names[name] == reference { names[name] = claimants.first }
      contested[name] = claimants.count > 1 ? claimants : nil
    }
  }

  /// The clusters that may use this app by its name, sorted.
  func users(of app: ObjectReference, systemNamespace: String) -> [ObjectReference] {
    var found: [ObjectReference] = []
    for use in AppUse.uses(of: app, systemNamespace: systemNamespace) {
      if let clusters = users[use] { found.append(contentsOf: clusters) }
    }
    return Set(found).sorted()
  }

  /// The clusters with a StatefulSet of this name; nearly always one.
  func claimants(ofSet name: UInt64) -> Set<ObjectReference> {
    var found: Set<ObjectReference> = []
    if let owner = names[name] { found.insert(owner) }
    if let claimants = contested[name] { found.formUnion(claimants) }
    return found
  }

  func lookalikes(ofSet name: UInt64) -> Set<ObjectReference> { stems[name].map(Set.init) ?? [] }

  /// The claims by which a cluster can be found.
  static func claims(of cluster: Sourced<Cluster>) -> [ClusterClaim] {
    var claims = uses(of: cluster).map(ClusterClaim.app)
    eachSet(of: cluster) { claims.append(.set($0)) }
    if let stem = stem(of: cluster) { claims.append(.stem(stem)) }
    return claims
  }

  /// Whether another cluster claims a name that may be one of this cluster's; nearly always false.
  func hasRivals(_ cluster: Sourced<Cluster>) -> Bool {
    if let stem = Self.stem(of: cluster), names[stem] != nil { return true }
    if contested.isEmpty, stems.isEmpty { return false }
    var isContested = false
    Self.eachSet(of: cluster) { name in
      isContested = isContested || contested[name] != nil || stems[name] != nil
    }
    return isContested
  }

  private static func uses(of cluster: Sourced<Cluster>) -> [AppUse] {
    AppUse.uses(
      named: cluster.spec.app, catalog: cluster.spec.appCatalog, namespace: cluster.reference.namespace)
  }

  private static func eachSet(of cluster: Sourced<Cluster>, _ body: (UInt64) -> Void) {
    let (namespace, name) = (cluster.reference.namespace, cluster.reference.name)
    for role in cluster.spec.roles { body(DerivedNames.fingerprint(namespace, name, role.id)) }
  }

  private static func stem(of cluster: Sourced<Cluster>) -> UInt64? {
    DerivedNames.stemOfPod(cluster.reference.name).map {
      DerivedNames.fingerprint(cluster.reference.namespace, $0)
    }
  }
}
