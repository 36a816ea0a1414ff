import Diagnostics
import HashTreeCollections
import KubeDirector
import Values

/// A live cluster.
public struct LiveCluster: Sendable, Hashable {
  /// Nil if the engine has not written a status yet.
  public var status: ClusterStatus?
  /// The generation of its spec; nil if not known.
  public var generation: Int?

  public init(status: ClusterStatus?, generation: Int? = nil) {
    self.status = status
    self.generation = generation
  }
}

/// The live state: the statuses of clusters, and the live apps.
///
/// A value that is cheap to copy and to change in one place, for any number of clusters.
public struct LiveView: Sendable {
  /// The source of the statuses, which decides how far they are trusted.
  public enum Source: Sendable, Hashable {
    /// The cluster itself.
    case cluster
    /// The status tree that was last written to git. Anyone who may write that ref could have forged it, so it can
    /// make a change wait, but never fail.
    /// - Parameter commit: The id of the status commit.
    /// - Parameter age: Its age in whole seconds.
    case tree(commit: String, age: Int)
    /// There is no source; rules that need a status are not judged.
    case none
  }

  public let source: Source
  private var clusters: TreeDictionary<ObjectReference, LiveCluster> = [:]
  private var apps: TreeDictionary<ObjectReference, App> = [:]
  private var users: TreeDictionary<AppUse, TreeSet<ObjectReference>> = [:]
  /// Statuses that are read only when needed.
  private let archive: (any LiveArchive)?

  /// No live state.
  public static let none = LiveView(source: .none)

  /// - Parameter archive: The source of statuses that were not added here.
  public init(source: Source, archive: (any LiveArchive)? = nil) {
    self.source = source
    self.archive = archive
  }

  /// Adds or replaces a cluster.
  public mutating func hold(_ reference: ObjectReference, status: ClusterStatus?, generation: Int? = nil) {
    drop(reference)
    clusters[reference] = LiveCluster(status: status, generation: generation)
    for use in Self.uses(of: status, by: reference) { users[use, default: []].insert(reference) }
  }

  /// Adds or replaces a live app.
  public mutating func hold(_ app: App) {
    apps[.app(app.metadata.namespace, app.metadata.name)] = app
  }

  /// Removes a cluster or an app.
  public mutating func drop(_ reference: ObjectReference) {
    apps[reference] = nil
    guard let old = clusters.removeValue(forKey: reference) else { return }
    for use in Self.uses(of: old.status, by: reference) {
      users[use]?.remove(reference)
      if users[use]?.isEmpty == true { users[use] = nil }
    }
  }

  public func cluster(_ reference: ObjectReference) -> LiveCluster? {
    clusters[reference] ?? archive?.cluster(reference)
  }
  public func app(_ reference: ObjectReference) -> App? { apps[reference] }

  /// Whether the statuses are fully trusted.
  public var isAuthoritative: Bool { source == .cluster }

  /// The clusters that run an app, or need it for their running upgrade or rollback.
  func users(of app: ObjectReference, systemNamespace: String) -> [ObjectReference] {
    let possible = AppUse.uses(of: app, systemNamespace: systemNamespace)
    return possible.flatMap { use in
      (users[use].map(Array.init) ?? []) + (archive?.clusters(running: use) ?? [])
    }.sorted()
  }

  private static func uses(of status: ClusterStatus?, by cluster: ObjectReference) -> [AppUse] {
    status.map { AppUse.uses(of: $0, by: cluster) } ?? []
  }
}

/// Statuses that have not been read yet.
public protocol LiveArchive: Sendable {
  /// The status of one cluster; nil if there is none.
  func cluster(_ reference: ObjectReference) -> LiveCluster?
  /// The clusters that run an app of this name, or need it for their running upgrade or rollback.
  func clusters(running app: AppUse) -> [ObjectReference]
}

/// A cluster's reference to an app: in its own namespace, or in the system namespace.
public struct AppUse: Sendable, Hashable {
  /// Nil means the system namespace.
  public var namespace: String? { scope?.wrappedValue }
  @ExactString public private(set) var name: String
  private var scope: ExactString?

  public init(namespace: String?, name: String) {
    scope = namespace.map { ExactString($0) }
    self.name = name
  }

  /// The references of a running cluster to the apps that it needs.
  public static func uses(of status: ClusterStatus, by cluster: ObjectReference) -> [AppUse] {
    var uses = uses(named: status.app, catalog: status.appCatalog, namespace: cluster.namespace)
    if let upgrade = status.upgradeInfo {
      uses += Self.uses(named: upgrade.prevApp, catalog: upgrade.prevAppCatalog, namespace: cluster.namespace)
    }
    return uses
  }

  /// The apps that a name can refer to. Without a catalog these are the app of the namespace and the one of the system;
  /// the existing apps decide which one is meant.
  static func uses(named name: String, catalog: AppCatalog?, namespace: String) -> [AppUse] {
    switch catalog {
    case .local: [AppUse(namespace: namespace, name: name)]
    case .system: [AppUse(namespace: nil, name: name)]
    case nil: [AppUse(namespace: namespace, name: name), AppUse(namespace: nil, name: name)]
    }
  }

  static func uses(of app: ObjectReference, systemNamespace: String) -> [AppUse] {
    let local = AppUse(namespace: app.namespace, name: app.name)
    return app.namespace == systemNamespace ? [local, AppUse(namespace: nil, name: app.name)] : [local]
  }
}

extension ObjectReference {
  public static func app(_ namespace: String, _ name: String) -> ObjectReference {
    ObjectReference(kind: Wire.appKind, namespace: namespace, name: name)
  }
  public static func cluster(_ namespace: String, _ name: String) -> ObjectReference {
    ObjectReference(kind: Wire.clusterKind, namespace: namespace, name: name)
  }
}
