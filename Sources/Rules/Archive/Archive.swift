import Diagnostics
import KubeDirector
import Manifests
import Values

/// The files of a tree that nobody has looked into this time, and what is known of them without reading them.
///
/// It answers what a snapshot of all its files would. Where it cannot, it remembers why and answers as if there were
/// nothing; whoever made it must then throw away what was concluded and do without it.
public protocol Archive: Sendable {
  /// How many objects of each kind `path(of:)` knows.
  var counts: (apps: Int, clusters: Int) { get }
  /// The apps that `path(of:)` knows, in any order.
  var apps: [ObjectReference] { get }
  /// Every file.
  var paths: [String] { get }
  /// The files that have to be read whatever is asked, because of what is wrong with them or repeated in them.
  /// `path(of:)` and `clusters(with:)` know nothing of them.
  var readAlways: [String] { get }

  /// The one file that holds an object, sound or not.
  func path(of object: ObjectReference) -> String?
  /// The clusters that make a claim.
  func clusters(with claim: ClusterClaim) -> [ArchivedClaim]
  /// Reads a file; nil where there is none at that path.
  func file(_ path: String) -> ManifestFile?
}

/// Something of a cluster that others ask for without knowing the cluster.
public enum ClusterClaim: Sendable, Hashable {
  /// It may mean this app.
  case app(AppUse)
  /// It has a StatefulSet of a name, told by its fingerprint.
  case set(UInt64)
  /// Its own name looks like that of a pod of this StatefulSet.
  case stem(UInt64)
}

extension ClusterClaim {
  /// The claims of other clusters that this one may be at odds with.
  var opposites: [ClusterClaim] {
    switch self {
    case .app: []
    case .set(let name): [.set(name), .stem(name)]
    case .stem(let name): [.set(name)]
    }
  }
}

/// A cluster that makes a claim.
public struct ArchivedClaim: Sendable, Hashable {
  public var cluster: ObjectReference
  /// Where it looks its app up; nil where it leaves that open.
  public var catalog: AppCatalog?

  public init(cluster: ObjectReference, catalog: AppCatalog?) {
    self.cluster = cluster
    self.catalog = catalog
  }
}

/// What an archive has to know of one object.
public struct ArchivedObject: Sendable, Hashable {
  public var reference: ObjectReference
  public var path: String
  /// Of a cluster; empty for an app.
  public var claims: [ClusterClaim]
  public var catalog: AppCatalog?
}

extension Snapshot {
  /// Splits the files into those of which an archive can tell everything that is asked of it, and the others.
  ///
  /// - Parameter isPlain: Whether a text is the same as another only where all bytes are.
  /// - Returns: The paths of the others.
  public func forEachArchivable(
    isPlain: (String) -> Bool, _ body: (ArchivedObject) -> Void
  ) -> [String] {
    var others: [String] = []
    for (key, content) in files {
      let path = key.wrappedValue
      let objects = content.objects.compactMap { archived($0, in: path, isPlain) }
      if broken.contains(key) || objects.count < content.objects.count {
        others.append(path)
      } else {
        for object in objects { body(object) }
      }
    }
    return others + broken.filter { files[$0] == nil }.map(\.wrappedValue)
  }

  /// Nil for an object that stands somewhere else too, or has names that bytes do not tell apart.
  private func archived(
    _ reference: ObjectReference, in path: String, _ isPlain: (String) -> Bool
  ) -> ArchivedObject? {
    guard [path, reference.namespace, reference.name].allSatisfy(isPlain) else { return nil }
    if reference.kind == Wire.appKind {
      guard let app = apps[reference], (app.source?.path).isExactly(path), apps.repeated(reference).isEmpty
      else {
        return nil
      }
      return ArchivedObject(reference: reference, path: path, claims: [])
    }
    guard let cluster = clusters[reference], (cluster.source?.path).isExactly(path),
      clusters.repeated(reference).isEmpty, isPlain(cluster.spec.app)
    else { return nil }
    return ArchivedObject(
      reference: reference, path: path, claims: ClusterIndex.claims(of: cluster),
      catalog: cluster.spec.appCatalog)
  }
}
