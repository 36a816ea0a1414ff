import Diagnostics
import KubeDirector
import Manifests
import Values

/// The objects and findings of one file, in the form that a snapshot keeps.
///
/// The parsed tree of a file takes many times the memory of the file. It is reduced to this form where the file is
/// parsed, so that the trees of all files are never held together.
public struct SnapshotFile: Sendable {
  enum Object: Sendable {
    case app(Sourced<App>)
    case cluster(Sourced<Cluster>)

    var reference: ObjectReference {
      switch self {
      case .app(let app): app.reference
      case .cluster(let cluster): cluster.reference
      }
    }
  }

  @ExactString public private(set) var path: String
  /// The objects in file order, valid or not.
  let objects: [Object]
  let findings: [Diagnostic]
  let isWhole: Bool
  /// The number of values in the file; 0 if it has no objects, so that a snapshot keeps none of them. A finding counts
  /// as several values, as it takes the memory of several.
  public let valueCount: Int

  private static let valuesOfFinding = 5

  /// - Parameter defaultNamespace: The namespace of objects whose file does not set one.
  public init(_ file: ManifestFile, defaultNamespace: String) {
    path = file.path
    findings = file.findings
    isWhole = file.isWhole
    var objects: [Object] = []
    objects.reserveCapacity(file.documents.count)
    var count = file.findings.count * Self.valuesOfFinding
    if !file.documents.isEmpty { count += file.valueCount }
    for document in file.documents {
      let schemaFindings = SchemaCheck.findings(of: document)
      objects.append(Self.object(document, schemaFindings, in: file.path, defaultNamespace))
      count += schemaFindings.count * Self.valuesOfFinding
    }
    self.objects = objects
    valueCount = count
  }

  private static func object(
    _ document: ManifestDocument, _ findings: [SchemaFinding], in path: String, _ defaultNamespace: String
  ) -> Object {
    let reference = document.reference(defaultNamespace: defaultNamespace)
    let source = Source(path: path, document: document.index, prefix: document.prefix)
    var metadata = Metadata(document.json) ?? Metadata(name: reference.name, namespace: "")
    metadata.namespace = reference.namespace
    let spec = document.json["spec"] ?? [:]
    let namesNamespace = document.namespace != nil
    switch document.kind {
    case .app:
      let app = App(metadata: metadata, spec: AppSpec(spec))
      return .app(Sourced(app, source: source, findings: findings, namesNamespace: namesNamespace))
    case .cluster:
      let cluster = Cluster(metadata: metadata, spec: ClusterSpec(spec))
      return .cluster(Sourced(cluster, source: source, findings: findings, namesNamespace: namesNamespace))
    }
  }
}
