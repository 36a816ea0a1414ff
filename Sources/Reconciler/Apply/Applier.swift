import ClusterAPI
import Diagnostics
import KubeDirector
import Rules
import Values

/// The origin of an applied object. It is stored in the object's annotations, so after any restart, on any machine, git
/// and the cluster alone show what was applied.
public struct Provenance: Sendable, Hashable {
  public var commit: String
  public var blob: String
  public var path: String
  /// The kind of the change; nil if it is not known.
  public var change: ChangeKind?
  /// The commit that requested the current spec. Differs from `commit` only if `commit` left the spec unchanged.
  public var specCommit: String

  public init(commit: String, blob: String, path: String, change: ChangeKind?, specCommit: String? = nil) {
    self.commit = commit
    self.blob = blob
    self.path = path
    self.change = change
    self.specCommit = specCommit ?? commit
  }
}

extension Object {
  /// The kind of the change that was applied last; nil if it is not known.
  var changeKind: ChangeKind? { annotation(Wire.Annotation.change).flatMap(ChangeKind.init) }
}

extension Provenance {
  /// Reads the provenance from an object's annotations; nil if the object has none.
  init?(of object: Object) {
    guard let commit = object.annotation(Wire.Annotation.commit),
      let blob = object.annotation(Wire.Annotation.blob), let path = object.annotation(Wire.Annotation.path)
    else { return nil }
    self.init(
      commit: commit, blob: blob, path: path, change: object.changeKind,
      specCommit: object.annotation(Wire.Annotation.specCommit))
  }
}

/// Writes objects to the cluster so that they match their files.
struct Applier: Sendable {
  let api: any ClusterAPI
  let installation: String
  let stamp: Stamp

  /// Creates or replaces an object: its spec, its own labels and annotations, and its provenance.
  ///
  /// - Parameters:
  ///   - document: the object as its file has it, with the namespace filled in.
  ///   - live: the live object that was judged; its version is a precondition. Nil to create the object.
  ///   - isAgain: true if the same file was applied before. A retry that a command requested in the meantime is kept.
  /// - Throws: `.conflict` if the object changed in the meantime; the caller must judge it again.
  func apply(
    _ document: JSON, over live: Object?, _ provenance: Provenance, isAgain: Bool = false
  ) async throws(APIError) -> Object {
    var wanted = object(document, over: live, provenance)
    if isAgain, let request = live?.annotation(Wire.Annotation.retry) {
      wanted.json["metadata"]?["annotations"]?[Wire.Annotation.retry] = .string(request)
    }
    guard let live else { return try await api.create(wanted) }
    guard wanted != live else { return live }
    return try await api.update(wanted)
  }

  /// Records on the object the path and blob of the file that already describes it.
  func note(path: String, blob: String, on live: Object) async throws(APIError) -> Object {
    guard live.annotation(Wire.Annotation.path) != path || live.annotation(Wire.Annotation.blob) != blob
    else {
      return live
    }
    var object = live
    object.json["metadata"]?["annotations"]?[Wire.Annotation.path] = .string(path)
    object.json["metadata"]?["annotations"]?[Wire.Annotation.blob] = .string(blob)
    object.json = stamp.on(object.json)
    return try await api.update(object)
  }

  /// Deletes an object with the judged version as a precondition. An object that is already gone is not an error.
  func delete(_ live: Object, _ resource: Resource) async throws(APIError) {
    do throws(APIError) {
      try await api.delete(
        resource, live.objectName, Preconditions(uid: live.uid, resourceVersion: live.resourceVersion))
    } catch {
      guard error.kind == .notFound else { throw error }
    }
  }

  /// Decides whether the volumes of a cluster are deleted with it or kept, including those of members that were removed
  /// before. The decision is stored as owner references on the claims before the cluster is deleted, so a crash in
  /// between loses no volume that must be kept.
  ///
  /// - Parameter isAsked: true if the cluster's file asks for its volumes to be deleted.
  func settleVolumes(of cluster: Object, isAsked: Bool) async throws(APIError) {
    let claims: [Object]
    do throws(APIError) {
      let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
      claims = try await api.list(.volumeClaims, namespace: cluster.namespace, labels: mine).items
    } catch {
      // A daemon that may not read claims has never given a claim to a cluster. KubeDirector's operator has.
      let isAdopted = ClusterShape.isForeign(cluster: cluster.json, sets: [])
      guard !isAsked, error.kind == .forbidden, !isAdopted else { throw error }
      return
    }
    let owner: JSON = [
      "apiVersion": .string(cluster.apiVersion), "kind": .string(cluster.kind), "name": .string(cluster.name),
      "uid": .string(cluster.uid),
    ]
    for claim in claims {
      let owners = claim.json["metadata"]?["ownerReferences"]?.array ?? []
      let wanted = owners.filter { $0["uid"]?.string != cluster.uid } + (isAsked ? [owner] : [])
      guard wanted != owners else { continue }
      _ = try await api.patch(
        .volumeClaims, claim.objectName, merge: ["metadata": ["ownerReferences": .array(wanted)]])
    }
  }

  /// Builds the object to write. Labels and annotations that others put on the live object are kept; those that an
  /// earlier file set and this one no longer has are removed.
  private func object(_ document: JSON, over live: Object?, _ provenance: Provenance) -> Object {
    var annotations = document["metadata"]?["annotations"]?.strings ?? [:]
    var labels = document["metadata"]?["labels"]?.strings ?? [:]
    let keys = Self.keys(labels, annotations)
    for (key, value) in live?.labels ?? [:] where labels[key] == nil && live?.isCarried("l:\(key)") != true {
      labels[key] = value
    }
    for (key, value) in live?.annotations ?? [:]
    where annotations[key] == nil && live?.isCarried("a:\(key)") != true {
      annotations[key] = value
    }
    labels[Wire.Label.source] = installation
    annotations[Wire.Annotation.commit] = provenance.commit
    annotations[Wire.Annotation.specCommit] = provenance.specCommit
    annotations[Wire.Annotation.blob] = provenance.blob
    annotations[Wire.Annotation.path] = provenance.path
    annotations[Wire.Annotation.change] = provenance.change?.rawValue ?? ""
    annotations[Wire.Annotation.revertedCommit] = Self.revertedCommit(by: provenance, from: live)
    annotations[Wire.Annotation.carried] = keys.isEmpty ? nil : keys.joined(separator: " ")
    var object = live ?? Object(["apiVersion": .string(Wire.apiVersion), "kind": document["kind"] ?? .null])
    var metadata = object.json["metadata"] ?? ["name": document["metadata"]?["name"] ?? .null]
    if live == nil { metadata["namespace"] = document["metadata"]?["namespace"] }
    metadata["labels"] = JSON(labels)
    metadata["annotations"] = JSON(annotations)
    object.json["metadata"] = metadata
    object.json["spec"] = document["spec"]
    object.json = stamp.on(object.json)
    return object
  }

  /// The commit that a rollback reverts; for other changes, the value already on the live object.
  private static func revertedCommit(by provenance: Provenance, from live: Object?) -> String? {
    guard provenance.change == .rollback, live?.changeKind != .rollback else {
      return live?.annotation(Wire.Annotation.revertedCommit)
    }
    return live.flatMap(Provenance.init(of:))?.specCommit
  }

  private static func keys(_ labels: [String: String], _ annotations: [String: String]) -> [String] {
    (labels.keys.map { "l:\($0)" } + annotations.keys.map { "a:\($0)" }).sorted()
  }

  /// Keys that a file cannot set: the provenance keys belong to kdops, and a retry of a script may be requested in the
  /// cluster.
  private static let ownKeys = Wire.Annotation.written.union([Wire.Label.source, Wire.Annotation.retry])

  /// Whether an object has every label and annotation of its file and lists the same keys as carried.
  static func carries(_ metadata: Metadata, _ live: Object) -> Bool {
    let (labels, annotations) = (live.labels, live.annotations)
    let keys = keys(metadata.labels, metadata.annotations)
    return metadata.labels.allSatisfy { ownKeys.contains($0.key) || labels[$0.key] == $0.value }
      && metadata.annotations.allSatisfy { ownKeys.contains($0.key) || annotations[$0.key] == $0.value }
      && (annotations[Wire.Annotation.carried] ?? "") == keys.joined(separator: " ")
  }
}
