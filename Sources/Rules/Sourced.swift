import Diagnostics
import KubeDirector
import Manifests
import Values

/// Where in the repository an object is written.
public struct Source: Sendable, Hashable {
  /// The file, from the repository's root.
  @ExactString public var path: String
  /// The number of the YAML document, from 0.
  public var document: Int
  /// Where in the document the object stands; not the root in a List.
  public var prefix: FieldPath

  public init(path: String, document: Int = 0, prefix: FieldPath = .root) {
    self.path = path
    self.document = document
    self.prefix = prefix
  }

  /// The order in which two of the same name are told apart: the first one counts.
  func precedes(_ other: Source) -> Bool {
    if _path != other._path { return _path < other._path }
    if document != other.document { return document < other.document }
    for (a, b) in zip(prefix.steps, other.prefix.steps) where a != b {
      if case (.index(let a), .index(let b)) = (a, b) { return a < b }
      return false
    }
    return prefix.steps.count < other.prefix.steps.count
  }
}

/// An object of one side, and where it comes from.
///
/// A class, so that snapshots which differ in one file share all the others.
public final class Sourced<Model: Sendable>: Sendable {
  public let reference: ObjectReference
  public let model: Model
  /// Nil for an object that comes from no file.
  public let source: Source?
  /// The object's metadata; its namespace is filled in.
  public let metadata: Metadata
  /// Whether the file itself says in which namespace it is.
  let namesNamespace: Bool
  /// What its schema says of it.
  let findings: [SchemaFinding]
  /// Whether it passed its schema. One that did not is judged by no other rule.
  public let isSound: Bool

  init(
    _ reference: ObjectReference, model: Model, metadata: Metadata, source: Source?,
    findings: [SchemaFinding] = [], namesNamespace: Bool = true
  ) {
    self.reference = reference
    self.model = model
    self.metadata = metadata
    self.source = source
    self.findings = findings
    self.namesNamespace = namesNamespace
    isSound = !findings.contains { $0.kind == .error }
  }
}

extension Sourced<App> {
  public var app: App { model }
  public var spec: AppSpec { model.spec }

  convenience init(
    _ app: App, source: Source? = nil, findings: [SchemaFinding] = [], namesNamespace: Bool = true
  ) {
    self.init(
      .app(app.metadata.namespace, app.metadata.name), model: app, metadata: app.metadata, source: source,
      findings: findings, namesNamespace: namesNamespace)
  }
}

extension Sourced<Cluster> {
  public var cluster: Cluster { model }
  public var spec: ClusterSpec { model.spec }

  convenience init(
    _ cluster: Cluster, source: Source? = nil, findings: [SchemaFinding] = [], namesNamespace: Bool = true
  ) {
    self.init(
      .cluster(cluster.metadata.namespace, cluster.metadata.name), model: cluster, metadata: cluster.metadata,
      source: source, findings: findings)
  }
}
