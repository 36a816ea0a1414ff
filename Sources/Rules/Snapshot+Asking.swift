import Diagnostics
import KubeDirector
import Values

extension Snapshot {
  /// The app of that name; nil where there is none, or where it fails its schema.
  public func app(_ reference: ObjectReference) -> Sourced<App>? {
    writtenApp(reference).flatMap { $0.isSound ? $0 : nil }
  }

  /// The cluster of that name; nil where there is none, or where it fails its schema.
  public func cluster(_ reference: ObjectReference) -> Sourced<Cluster>? {
    writtenCluster(reference).flatMap { $0.isSound ? $0 : nil }
  }

  /// The app of that name, sound or not.
  func writtenApp(_ reference: ObjectReference) -> Sourced<App>? {
    apps[reference] ?? unread?.app(reference)
  }

  /// The cluster of that name, sound or not.
  func writtenCluster(_ reference: ObjectReference) -> Sourced<Cluster>? {
    clusters[reference] ?? unread?.cluster(reference)
  }

  /// Where it is written: once, unless somebody repeats it. The first one counts.
  public func sources(of reference: ObjectReference) -> [Source] {
    let (first, repeated) = definitions(of: reference)
    return [first].compactMap(\.self) + repeated
  }

  /// Where the object that counts is written, and where others are that repeat its name.
  func definitions(of reference: ObjectReference) -> (first: Source?, repeated: [Source]) {
    reference.kind == Wire.appKind
      ? (writtenApp(reference)?.source, apps.repeated(reference).compactMap(\.source))
      : (writtenCluster(reference)?.source, clusters.repeated(reference).compactMap(\.source))
  }

  /// Whether a file says anything of it, sound or not.
  public func holds(_ reference: ObjectReference) -> Bool {
    apps[reference] != nil || clusters[reference] != nil || unread?.path(of: reference) != nil
  }

  /// Whether a cluster, sound or not, names an app.
  func names(_ app: String, by cluster: ObjectReference) -> Bool {
    if let known = clusters[cluster] { return known.spec.app == app }
    return unread?.catalog(of: cluster, naming: app) != nil
  }

  /// The clusters that may mean this app by the name they give, in order: those to judge again when it changes.
  public func clusters(
    using app: ObjectReference, systemNamespace: String = Policy.defaultSystemNamespace
  ) -> [ObjectReference] {
    let known = index.users(of: app, systemNamespace: systemNamespace)
    guard let unread else { return known }
    let others = AppUse.uses(of: app, systemNamespace: systemNamespace)
      .flatMap { unread.clusters(with: .app($0)) }
    return Set(known).union(others).sorted()
  }

  /// Where a cluster looks up the app that it names; nil where it leaves that open.
  func catalog(of cluster: ObjectReference, naming app: String) -> AppCatalog? {
    if let known = clusters[cluster] { return known.spec.appCatalog }
    return unread?.catalog(of: cluster, naming: app) ?? nil
  }

  /// Whether another cluster may have a name that is one of this cluster's; true also where only a closer look tells.
  func mayHaveRivals(_ cluster: Sourced<Cluster>) -> Bool { unread != nil || index.hasRivals(cluster) }

  /// The clusters that claim a name of a StatefulSet, or one like that of its pods.
  func clusters(claiming claim: ClusterClaim) -> Set<ObjectReference> {
    var found: Set<ObjectReference> =
      switch claim {
      case .app: []
      case .set(let name): index.claimants(ofSet: name)
      case .stem(let name): index.lookalikes(ofSet: name)
      }
    // One of two may be taken in and the other not.
    if let unread { found.formUnion(unread.clusters(with: claim)) }
    return found
  }

  /// Every app, sound or not.
  var appReferences: [ObjectReference] { Array(apps.first.keys) + (unread?.apps ?? []) }

  /// How many objects there are, sound or not.
  public var counts: (apps: Int, clusters: Int) {
    let unread = unread?.counts ?? (apps: 0, clusters: 0)
    return (apps.first.count + unread.apps, clusters.first.count + unread.clusters)
  }

  /// Every file that holds objects, or of which there is something to say.
  public var paths: [String] { completed.files.keys.map(\.wrappedValue) }

  /// Every object, sound or not, in order.
  public var references: [ObjectReference] {
    let whole = completed
    return (Array(whole.apps.first.keys) + Array(whole.clusters.first.keys)).sorted()
  }

  /// What rules about files say of a file.
  public func findings(in path: String) -> [Diagnostic] { content(of: path)?.findings ?? [] }

  /// The objects that a file holds, in its order.
  public func objects(in path: String) -> [ObjectReference] { content(of: path)?.objects ?? [] }

  private func content(of path: String) -> FileContent? {
    files[ExactString(path)] ?? unread?.file(path)?.files[ExactString(path)]
  }
}
