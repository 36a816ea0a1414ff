import ClusterAPI
import DesiredState
import Diagnostics
import KubeDirector
import Manifests
import Rules

/// The files of a repository with the apps and clusters of a running cluster, and what kdops does not carry of them.
/// Pure.
struct ImportedRepository: Sendable {
  /// The content of each file, by path.
  private(set) var files: [String: String] = [RepositoryLayout.path: Self.layout]
  private(set) var apps = 0
  private(set) var clusters = 0
  /// Objects without a file, with the reason, as sentences for people.
  private(set) var skipped: [String] = []
  /// The findings of every rule about the files.
  private(set) var findings: [Diagnostic] = []

  private static let layout = """
    schemaVersion: 1
    apps: ["apps/**"]
    clusters: ["clusters/**"]

    """

  /// - Parameters:
  ///   - objects: Live apps and clusters, in any order.
  ///   - existing: The `.kdops.yaml` that the folder already has; nil for none.
  init(_ objects: [Object], existing: String? = nil) {
    if let existing { files[RepositoryLayout.path] = existing }
    let sorted = objects.sorted { ($0.kind, $0.objectName) < ($1.kind, $1.objectName) }
    for object in sorted { add(object) }
    judge()
  }

  private mutating func add(_ object: Object) {
    let subject = "\(object.kind) \(object.objectName)"
    guard !object.isBeingDeleted else {
      skipped.append("\(subject) is being deleted")
      return
    }
    guard let imported = ImportedObject(object) else {
      skipped.append("\(subject) has no valid name or no spec")
      return
    }
    files[imported.path] = imported.text
    if object.kind == Wire.appKind { apps += 1 } else { clusters += 1 }
  }

  /// Judges the files as `kdops validate` does.
  private mutating func judge() {
    let manifests = files.filter { $0.key != RepositoryLayout.path }.sorted { $0.key < $1.key }.map {
      ManifestFile.parse(path: $0.key, bytes: Array($0.value.utf8))
    }
    let contents = files
    let snapshot = Snapshot(files: manifests) { contents[$0].map { Array($0.utf8) } }
    findings = Judge.judge(JudgeRequest(head: snapshot)).findings
  }

  /// A line of a file, for the excerpts of findings.
  func line(_ number: Int, of path: String) -> String? {
    files[path].flatMap { SourceText(Array($0.utf8)).line(number) }
  }
}
