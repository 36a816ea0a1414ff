import ClusterAPI
import Diagnostics
import KubeDirector
import Rules
import Values

/// Where an object that is applied came from; it is noted on the object, so that after any restart, on any machine,
/// git and the cluster alone tell what was applied.
public struct Provenance: Sendable, Hashable {
  public var commit: String
  public var blob: String
  public var path: String
  /// The kind of change that it was.
  public var change: String
  /// The commit that asked for the spec as it is; the same one, unless it left the spec alone.
  public var specCommit: String

  public init(commit: String, blob: String, path: String, change: String, specCommit: String? = nil) {
    self.commit = commit
    self.blob = blob
    self.path = path
    self.change = change
    self.specCommit = specCommit ?? commit
  }
}

extension Provenance {
  /// As it is noted on an object; nil where nothing is.
  init?(of object: Object) {
    guard let commit = object.annotation(Wire.Annotation.commit),
      let blob = object.annotation(Wire.Annotation.blob), let path = object.annotation(Wire.Annotation.path)
    else { return nil }
    self.init(
      commit: commit, blob: blob, path: path, change: object.annotation(Wire.Annotation.change) ?? "",
      specCommit: object.annotation(Wire.Annotation.specCommit))
  }
}

/// Makes objects of the cluster be what their files say.
struct Applier: Sendable {
  let api: any ClusterAPI
  let installation: String
  let stamp: Stamp

  /// Creates or replaces an object: its spec, its own labels and annotations, and where it came from.
  ///
  /// - Parameters:
  ///   - document: the object as its file has it, its namespace filled in.
  ///   - live: the object as it lives, on whose version the judgement was made; nil to create it.
  ///   - isAgain: the same file was applied before. A request that was made by command meanwhile stands.
  /// - Throws: `.conflict` where it changed meanwhile: judge again.
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

  /// Notes which file, and which state of it, says what the object is already.
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

  /// Deletes an object on whose version the judgement was made. One that is gone already is no failure.
  func delete(_ live: Object, _ resource: Resource) async throws(APIError) {
    do throws(APIError) {
      try await api.delete(
        resource, live.objectName, Preconditions(uid: live.uid, resourceVersion: live.resourceVersion))
    } catch {
      guard error.kind == .notFound else { throw error }
    }
  }

  /// Has the volumes of a cluster that is about to be deleted go with it, or stay: those of members that were let go
  /// before as well. That is a matter of who owns the claims, so a death in between loses nothing that was to stay.
  ///
  /// - Parameter isAsked: its file asked for that.
  func settleVolumes(of cluster: Object, isAsked: Bool) async throws(APIError) {
    let claims: [Object]
    do throws(APIError) {
      let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
      claims = try await api.list(.volumeClaims, namespace: cluster.namespace, labels: mine).items
    } catch {
      // Who may not look at claims has never given one to a cluster.
      guard !isAsked, error.kind == .forbidden else { throw error }
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

  /// Labels and annotations that others put on the live object stay; those that an earlier file put there and
  /// this one no longer has go.
  private func object(_ document: JSON, over live: Object?, _ provenance: Provenance) -> Object {
    var annotations = document["metadata"]?["annotations"]?.strings ?? [:]
    var labels = document["metadata"]?["labels"]?.strings ?? [:]
    let keys = Self.keys(labels, annotations)
    for (key, value) in live?.labels ?? [:] where labels[key] == nil && !Self.isCarried("l:\(key)", live) {
      labels[key] = value
    }
    for (key, value) in live?.annotations ?? [:]
    where annotations[key] == nil && !Self.isCarried("a:\(key)", live) {
      annotations[key] = value
    }
    labels[Wire.Label.source] = installation
    annotations[Wire.Annotation.commit] = provenance.commit
    annotations[Wire.Annotation.specCommit] = provenance.specCommit
    annotations[Wire.Annotation.blob] = provenance.blob
    annotations[Wire.Annotation.path] = provenance.path
    annotations[Wire.Annotation.change] = provenance.change
    annotations[Wire.Annotation.takenBack] = Self.takenBack(by: provenance, from: live)
    annotations[Self.carried] = keys.isEmpty ? nil : keys.joined(separator: " ")
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

  /// The commit that a rollback takes back; that of an earlier one where this is none.
  private static func takenBack(by provenance: Provenance, from live: Object?) -> String? {
    let rollback = ChangeKind.rollback.rawValue
    guard provenance.change == rollback, live?.annotation(Wire.Annotation.change) != rollback else {
      return live?.annotation(Wire.Annotation.takenBack)
    }
    return live.flatMap(Provenance.init(of:))?.specCommit
  }

  /// Which labels and annotations of an object came from its file.
  private static let carried = "kdops.dev/carried"

  private static func keys(_ labels: [String: String], _ annotations: [String: String]) -> [String] {
    (labels.keys.map { "l:\($0)" } + annotations.keys.map { "a:\($0)" }).sorted()
  }

  /// What says where an object came from is ours, whatever a file says of it; and who asks for a script to be run
  /// again may do so in the cluster.
  private static let ownKeys: Set<String> = [
    Wire.Label.source, Wire.Annotation.commit, Wire.Annotation.specCommit, Wire.Annotation.blob,
    Wire.Annotation.path,
    Wire.Annotation.change, Wire.Annotation.stamp, carried, Wire.Annotation.retry,
    Wire.Annotation.takenBack,
  ]

  /// Whether an object has every label and annotation of its file, and knows which ones those are.
  static func carries(_ metadata: Metadata, _ live: Object) -> Bool {
    let (labels, annotations) = (live.labels, live.annotations)
    let keys = keys(metadata.labels, metadata.annotations)
    return metadata.labels.allSatisfy { ownKeys.contains($0.key) || labels[$0.key] == $0.value }
      && metadata.annotations.allSatisfy { ownKeys.contains($0.key) || annotations[$0.key] == $0.value }
      && (annotations[carried] ?? "") == keys.joined(separator: " ")
  }

  static func isCarried(_ key: String, _ live: Object?) -> Bool {
    live?.annotation(carried)?.split(separator: " ").contains { $0 == key } ?? false
  }
}
