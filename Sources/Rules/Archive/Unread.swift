import Diagnostics
import HashTreeCollections
import KubeDirector
import Manifests
import Synchronization
import Values

/// The part of a snapshot that stays in an archive until it is needed.
///
/// Each of its objects is defined in it once, and in no file that the snapshot has loaded.
struct Unread: Sendable {
  private let archive: any Archive
  private let read: ReadFiles
  /// The files that were moved from the archive to the loaded part of the snapshot.
  private var taken: TreeSet<ExactString> = []
  private(set) var counts: (apps: Int, clusters: Int)
  /// The number of values in the files that were not taken.
  private(set) var valueCount: Int

  init(_ archive: any Archive, defaultNamespace: String) {
    self.archive = archive
    read = ReadFiles(defaultNamespace: defaultNamespace)
    counts = archive.counts
    valueCount = archive.valueCount
  }

  var readAlways: [String] { archive.readAlways }
  var paths: [String] { archive.paths.filter { !taken.contains(ExactString($0)) } }
  var apps: [ObjectReference] { archive.apps.filter { path(of: $0) != nil } }

  /// Removes a file and returns it; nil if it is not in the archive.
  mutating func take(_ path: String) -> SnapshotFile? {
    guard taken.insert(ExactString(path)).inserted, let content = archive.file(path) else { return nil }
    let file = SnapshotFile(content, defaultNamespace: read.defaultNamespace)
    valueCount -= file.valueCount
    for object in file.objects where archive.path(of: object.reference).isExactly(path) {
      switch object {
      case .app: counts.apps -= 1
      case .cluster: counts.clusters -= 1
      }
    }
    return file
  }

  func path(of object: ObjectReference) -> String? {
    archive.path(of: object).flatMap { taken.contains(ExactString($0)) ? nil : $0 }
  }

  /// The file as a snapshot of its own; nil if it is not in the archive.
  func file(_ path: String) -> Snapshot? {
    taken.contains(ExactString(path)) ? nil : read.file(path, of: archive)
  }

  func app(_ reference: ObjectReference) -> Sourced<App>? {
    path(of: reference).flatMap { file($0)?.apps[reference] }
  }

  func cluster(_ reference: ObjectReference) -> Sourced<Cluster>? {
    path(of: reference).flatMap { file($0)?.clusters[reference] }
  }

  /// The clusters that make a claim.
  func clusters(with claim: ClusterClaim) -> [ObjectReference] {
    read.claims(claim, of: archive).keys.filter { path(of: $0) != nil }
  }

  /// The catalog in which a cluster of the archive looks up that app; nil if the cluster does not name the app.
  func catalog(of cluster: ObjectReference, naming app: String) -> AppCatalog?? {
    for namespace in [cluster.namespace, nil] {
      let claims = read.claims(.app(AppUse(namespace: namespace, name: app)), of: archive)
      if let catalog = claims[cluster], path(of: cluster) != nil { return .some(catalog) }
    }
    return nil
  }
}

/// A cache of the archive's answers, so that each file is read only once.
private final class ReadFiles: Sendable {
  let defaultNamespace: String
  private let files = Mutex<[ExactString: Snapshot?]>([:])
  private let claims = Mutex<[ClusterClaim: [ObjectReference: AppCatalog?]]>([:])

  init(defaultNamespace: String) { self.defaultNamespace = defaultNamespace }

  func file(_ path: String, of archive: any Archive) -> Snapshot? {
    if let known = files.withLock({ $0[ExactString(path)] }) { return known }
    let file = archive.file(path).map { Snapshot(files: [$0], defaultNamespace: defaultNamespace) }
    files.withLock { $0[ExactString(path)] = .some(file) }
    return file
  }

  func claims(_ claim: ClusterClaim, of archive: any Archive) -> [ObjectReference: AppCatalog?] {
    if let known = claims.withLock({ $0[claim] }) { return known }
    let found = Dictionary(
      archive.clusters(with: claim).map { ($0.cluster, $0.catalog) }, uniquingKeysWith: { first, _ in first })
    claims.withLock { $0[claim] = found }
    return found
  }
}
