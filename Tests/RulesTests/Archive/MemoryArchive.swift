import Diagnostics
import KubeDirector
import Manifests
import Synchronization

@testable import Rules

/// An archive of files in memory, which records the files that were read from it.
final class MemoryArchive: Archive {
  let files: [String: String]
  let readAlways: [String]
  let valueCount: Int
  private let objects: [ArchivedObject]
  private let read = Mutex<Set<String>>([])

  init(_ files: [String: String]) {
    self.files = files
    var objects: [ArchivedObject] = []
    let snapshot = ExampleRunner.snapshot(files)
    valueCount = snapshot.valueCount
    readAlways = snapshot.forEachArchivable(isPlain: { _ in true }) {
      objects.append($0)
    }
    self.objects = objects
  }

  /// The files that were read.
  var readFiles: Set<String> { read.withLock(\.self) }

  var counts: (apps: Int, clusters: Int) { (apps.count, objects.count - apps.count) }
  var apps: [ObjectReference] { objects.map(\.reference).filter { $0.kind == Wire.appKind } }
  var paths: [String] { Array(files.keys) }

  func path(of object: ObjectReference) -> String? { objects.first { $0.reference == object }?.path }

  func clusters(with claim: ClusterClaim) -> [ArchivedClaim] {
    objects.filter { $0.claims.contains(claim) }
      .map { ArchivedClaim(cluster: $0.reference, catalog: $0.catalog) }
  }

  func file(_ path: String) -> ManifestFile? {
    guard let text = files[path] else { return nil }
    read.withLock { _ = $0.insert(path) }
    return ManifestFile.parse(path: path, bytes: Array(text.utf8))
  }
}

/// Two sides, of which the second results from changes of files in the first.
struct ChangedFiles {
  var base: [String: String]
  var head: [String: String]

  func judge(from archive: MemoryArchive?, _ example: Example? = nil) -> Judgement {
    var old = archive.map { Snapshot($0, defaultNamespace: "default") } ?? ExampleRunner.snapshot(base)
    old.contents = { base[$0].map { Array($0.utf8) } }
    var new = old
    new.contents = { head[$0].map { Array($0.utf8) } }
    var changes = Changes()
    for path in Set(base.keys).union(head.keys).sorted() where base[path] != head[path] {
      changes.formUnion(
        head[path].map {
          new.update(ManifestFile.parse(path: path, bytes: Array($0.utf8), defaultNamespace: "default"))
        } ?? new.remove(path: path))
    }
    var live = LiveView.none
    if let status = example?.live.status {
      live = LiveView(source: .cluster)
      live.hold(Fixture.reference, status: status)
    }
    let app = example?.history
    return Judge.judge(
      JudgeRequest(
        base: old, head: new, changed: changes, live: live, policy: example?.policy, history: { _ in app }))
  }
}
