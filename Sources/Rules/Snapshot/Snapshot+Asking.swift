import Diagnostics
import KubeDirector
import Values

extension Snapshot {
  /// The app of that name; nil if there is none, or if it fails its schema.
  public func app(_ reference: ObjectReference) -> Sourced<App>? {
    writtenApp(reference).flatMap { $0.isSound ? $0 : nil }
  }

  /// The cluster of that name; nil if there is none, or if it fails its schema.
  public func cluster(_ reference: ObjectReference) -> Sourced<Cluster>? {
    writtenCluster(reference).flatMap { $0.isSound ? $0 : nil }
  }

  /// The app of that name, valid or not.
  func writtenApp(_ reference: ObjectReference) -> Sourced<App>? {
    apps[reference] ?? unread?.app(reference)
  }

  /// The cluster of that name, valid or not.
  func writtenCluster(_ reference: ObjectReference) -> Sourced<Cluster>? {
    clusters[reference] ?? unread?.cluster(reference)
  }

  /// The places where an object is defined; more than one if there are duplicates. The first one is used.
  public func sources(of reference: ObjectReference) -> [Source] {
    let (first, repeated) = definitions(of: reference)
    return [first].compactMap(\.self) + repeated
  }

  /// The place of the definition that is used, and the places of its duplicates.
  func definitions(of reference: ObjectReference) -> (first: Source?, repeated: [Source]) {
    reference.kind == Wire.appKind
      ? (writtenApp(reference)?.source, apps.repeated(reference).compactMap(\.source))
      : (writtenCluster(reference)?.source, clusters.repeated(reference).compactMap(\.source))
  }

  /// Whether a file defines the object, valid or not.
  public func holds(_ reference: ObjectReference) -> Bool {
    apps[reference] != nil || clusters[reference] != nil || unread?.path(of: reference) != nil
  }

  /// Whether a cluster, valid or not, names an app.
  func names(_ app: String, by cluster: ObjectReference) -> Bool {
    if let known = clusters[cluster] { return known.spec.app == app }
    return unread?.catalog(of: cluster, naming: app) != nil
  }

  /// The clusters that may use this app by its name, sorted. They must be judged again when the app changes.
  public func clusters(
    using app: ObjectReference, systemNamespace: String = Policy.defaultSystemNamespace
  ) -> [ObjectReference] {
    let known = index.users(of: app, systemNamespace: systemNamespace)
    guard let unread else { return known }
    let others = AppUse.uses(of: app, systemNamespace: systemNamespace)
      .flatMap { unread.clusters(with: .app($0)) }
    return Set(known).union(others).sorted()
  }

  /// The catalog in which a cluster looks up the app that it names; nil if the spec leaves it open.
  func catalog(of cluster: ObjectReference, naming app: String) -> AppCatalog? {
    if let known = clusters[cluster] { return known.spec.appCatalog }
    return unread?.catalog(of: cluster, naming: app) ?? nil
  }

  /// Whether another cluster may claim one of this cluster's names; also true if only a full comparison can decide.
  func mayHaveRivals(_ cluster: Sourced<Cluster>) -> Bool { unread != nil || index.hasRivals(cluster) }

  /// The clusters that claim the name of a StatefulSet, or a name like that of its pods.
  func clusters(claiming claim: ClusterClaim) -> Set<ObjectReference> {
    var found: Set<ObjectReference> =
      switch claim {
      case .app: []
      case .set(let name): index.claimants(ofSet: name)
      case .stem(let name): index.lookalikes(ofSet: name)
      }
    // One of two clusters may be loaded and the other not.
    if let unread { found.formUnion(unread.clusters(with: claim)) }
    return found
  }

  /// All apps, valid or not.
  var appReferences: [ObjectReference] { Array(apps.first.keys) + (unread?.apps ?? []) }

  /// The number of objects, valid or not.
  public var counts: (apps: Int, clusters: Int) {
    let unread = unread?.counts ?? (apps: 0, clusters: 0)
    return (apps.first.count + unread.apps, clusters.first.count + unread.clusters)
  }

  /// All files that have objects or findings.
  public var paths: [String] { completed.files.keys.map(\.wrappedValue) }

  /// All objects, valid or not, sorted.
  public var references: [ObjectReference] {
    let whole = completed
    return (Array(whole.apps.first.keys) + Array(whole.clusters.first.keys)).sorted()
  }

  /// The findings of file rules in a file.
  public func findings(in path: String) -> [Diagnostic] { content(of: path)?.findings ?? [] }

  /// The objects of a file, in file order.
  public func objects(in path: String) -> [ObjectReference] { content(of: path)?.objects ?? [] }

  private func content(of path: String) -> FileContent? {
    files[ExactString(path)] ?? unread?.file(path)?.files[ExactString(path)]
  }
}
