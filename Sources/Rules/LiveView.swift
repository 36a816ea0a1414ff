import Diagnostics
import HashTreeCollections
import KubeDirector
import Values

/// A cluster as it lives.
public struct LiveCluster: Sendable, Hashable {
  /// Nil where the engine has not yet written one.
  public var status: ClusterStatus?
  /// The generation of its spec; nil where that is not known.
  public var generation: Int?

  public init(status: ClusterStatus?, generation: Int? = nil) {
    self.status = status
    self.generation = generation
  }
}

/// What lives: the statuses of clusters, and the apps that the cluster holds.
///
/// A value that is cheap to copy and to change in one place, however many clusters there are.
public struct LiveView: Sendable {
  /// Where the statuses come from, which decides how far they are believed.
  public enum Source: Sendable, Hashable {
    /// The cluster itself.
    case cluster
    /// The status tree that was last written to git. Whoever may write that ref could have forged it, so what it
    /// says makes a change wait, and never fail.
    /// - Parameter commit: The id of the status commit.
    /// - Parameter age: How old it is, in whole seconds.
    case tree(commit: String, age: Int)
    /// Nowhere: rules that need a status are not judged.
    case none
  }

  public let source: Source
  private var clusters: TreeDictionary<ObjectReference, LiveCluster> = [:]
  private var apps: TreeDictionary<ObjectReference, App> = [:]
  private var users: TreeDictionary<AppUse, TreeSet<ObjectReference>> = [:]
  /// Statuses that are looked into only where somebody asks.
  private let archive: (any LiveArchive)?

  /// Nothing at hand.
  public static let none = LiveView(source: .none)

  /// - Parameter archive: Gives what is not taken in here.
  public init(source: Source, archive: (any LiveArchive)? = nil) {
    self.source = source
    self.archive = archive
  }

  /// Takes in, or replaces, a cluster.
  public mutating func hold(_ reference: ObjectReference, status: ClusterStatus?, generation: Int? = nil) {
    drop(reference)
    clusters[reference] = LiveCluster(status: status, generation: generation)
    for use in Self.uses(of: status, by: reference) { users[use, default: []].insert(reference) }
  }

  /// Takes in, or replaces, an app that the cluster holds.
  public mutating func hold(_ app: App) {
    apps[.app(app.metadata.namespace, app.metadata.name)] = app
  }

  /// Forgets a cluster or an app.
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

  /// Whether the statuses may be believed to the letter.
  public var isAuthoritative: Bool { source == .cluster }

  /// The clusters that run an app, or need it for the upgrade or rollback that they are in.
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

/// Statuses that nobody has looked into yet.
public protocol LiveArchive: Sendable {
  /// The status of one cluster; nil where there is none.
  func cluster(_ reference: ObjectReference) -> LiveCluster?
  /// The clusters that run an app which is named like that, or need it for the upgrade or rollback that they are in.
  func clusters(running app: AppUse) -> [ObjectReference]
}

/// How an app is named by a cluster: in its own namespace, or in the system's.
public struct AppUse: Sendable, Hashable {
  /// Nil stands for the system's namespace, whichever that is.
  public var namespace: String? { scope?.wrappedValue }
  @ExactString public private(set) var name: String
  private var scope: ExactString?

  public init(namespace: String?, name: String) {
    scope = namespace.map { ExactString($0) }
    self.name = name
  }

  /// How a running cluster names the apps that it needs.
  public static func uses(of status: ClusterStatus, by cluster: ObjectReference) -> [AppUse] {
    var uses = uses(named: status.app, catalog: status.appCatalog, namespace: cluster.namespace)
    if let upgrade = status.upgradeInfo {
      uses += Self.uses(named: upgrade.prevApp, catalog: upgrade.prevAppCatalog, namespace: cluster.namespace)
    }
    return uses
  }

  /// Without a catalog both are possible; which of them it is depends on which apps there are.
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
