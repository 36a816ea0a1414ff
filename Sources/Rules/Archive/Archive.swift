import Diagnostics
import KubeDirector
import Manifests
import Values

/// The files of a tree that were not read in this pass, and the known facts about them.
///
/// An archive returns the same results as a snapshot of all its files. If it cannot, it records the reason and
/// returns empty results; its creator must then discard all conclusions and read the files.
public protocol Archive: Sendable {
  /// The number of objects of each kind that `path(of:)` knows.
  var counts: (apps: Int, clusters: Int) { get }
  /// The number of values in all files, as `Snapshot.valueCount`.
  var valueCount: Int { get }
  /// The apps that `path(of:)` knows, in any order.
  var apps: [ObjectReference] { get }
  /// The paths of all files.
  var paths: [String] { get }
  /// The files that must always be read, because they have errors or duplicate objects. `path(of:)` and
  /// `clusters(with:)` do not cover them.
  var readAlways: [String] { get }

  /// The path of the one file that contains an object, valid or not.
  func path(of object: ObjectReference) -> String?
  /// The clusters that make a claim.
  func clusters(with claim: ClusterClaim) -> [ArchivedClaim]
  /// Reads a file; nil if there is none at that path.
  func file(_ path: String) -> ManifestFile?
}

/// A property of a cluster by which it can be found without its name.
public enum ClusterClaim: Sendable, Hashable {
  /// The cluster may use this app.
  case app(AppUse)
  /// The cluster has a StatefulSet whose name has this fingerprint.
  case set(UInt64)
  /// The cluster's own name has the form of a pod name of this StatefulSet.
  case stem(UInt64)
}

extension ClusterClaim {
  /// The claims of other clusters that can conflict with this one.
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
  /// The catalog in which the cluster looks up its app; nil if its spec leaves that open.
  public var catalog: AppCatalog?

  public init(cluster: ObjectReference, catalog: AppCatalog?) {
    self.cluster = cluster
    self.catalog = catalog
  }
}

/// The description of one object that an archive stores.
public struct ArchivedObject: Sendable, Hashable {
  public var reference: ObjectReference
  public var path: String
  /// The claims of a cluster; empty for an app.
  public var claims: [ClusterClaim]
  public var catalog: AppCatalog?
}

extension Snapshot {
  /// Splits the files into those that an archive can describe completely, and the others.
  ///
  /// - Parameter isPlain: Whether a text equals another only if all bytes are equal.
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

  /// Nil for an object that is also defined elsewhere, or has a name for which `isPlain` is false.
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
