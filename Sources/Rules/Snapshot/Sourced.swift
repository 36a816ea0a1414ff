import Diagnostics
import KubeDirector
import Manifests
import Values

/// The place in the repository where an object is defined.
public struct Source: Sendable, Hashable {
  /// The path of the file, relative to the repository's root.
  @ExactString public var path: String
  /// The index of the YAML document, from 0.
  public var document: Int
  /// The path of the object in the document; the root except in a List.
  public var prefix: FieldPath

  public init(path: String, document: Int = 0, prefix: FieldPath = .root) {
    self.path = path
    self.document = document
    self.prefix = prefix
  }

  /// Whether this definition precedes another one of the same name. The first definition is used.
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

/// An object of a snapshot, and its source.
///
/// A class, so that snapshots that differ in one file share all other objects.
public final class Sourced<Model: Sendable>: Sendable {
  public let reference: ObjectReference
  public let model: Model
  /// Nil for an object that comes from no file.
  public let source: Source?
  /// The object's metadata, with its namespace filled in.
  public let metadata: Metadata
  /// Whether the file itself sets the namespace.
  let namesNamespace: Bool
  /// The findings of its schema.
  let findings: [SchemaFinding]
  /// Whether it passed its schema. No other rule judges an object that did not.
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
