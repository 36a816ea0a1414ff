import ClusterAPI
import KubeDirector
import Values

/// The API server's rules for an object's content: names, sizes, defaults, immutable fields, and when the
/// generation changes.
///
/// The schemas of KubeDirector's own kinds are checked before.
/// Source: Kubernetes' API conventions (metadata) and the `strategy.go` of pods and StatefulSets.
struct ObjectRules: Sendable {
  /// The maximum size of an object in bytes, as in etcd.
  var sizeLimit = 1 << 20
  /// The number of events that are kept.
  var eventLimit = 2_000
  /// Changes a new object, as a mutating admission webhook would.
  var admission: (@Sendable (Object) -> Object)?

  private static let kinds = Dictionary(uniqueKeysWithValues: Resource.all.map { ($0.kind, $0) })

  /// Returns a new object as it will be stored, without the fields that only the store can set.
  func admitted(_ given: Object, keepsStatus: Bool) throws(APIError) -> Object {
    guard let resource = Self.kinds[given.kind], given.kind.isExactly(resource.kind),
      given.apiVersion.isExactly(resource.apiVersion)
    else {
      throw APIError(
        .unsupported, "the embedded cluster has no kind \"\(given.kind)\" in \"\(given.apiVersion)\"")
    }
    try checkNames(given)
    guard given.resourceVersion.isEmpty else {
      throw APIError(
        .invalid, "\(given.kind) \(given.objectName) is created and cannot have a resourceVersion")
    }
    var object = given
    if !keepsStatus { object.json["status"] = nil }
    switch resource {
    case .statefulSets: object.json["spec"] = Self.setDefaults(object.json["spec"] ?? [:])
    case .volumeClaims: object.json["status"] = ["phase": "Bound"]
    case .pods where object.json["status"] == nil: object.json["status"] = ["phase": "Pending"]
    default: break
    }
    if let admission { object = admission(object) }
    try checkSize(object.json, of: object)
    return object
  }

  /// Returns an object's new content after an update: the status and the server's part of the metadata stay.
  func replaced(_ old: Object, with given: JSON) throws(APIError) -> JSON {
    var json = given
    json["status"] = old.json["status"]
    json["apiVersion"] = .string(old.apiVersion)
    json["kind"] = .string(old.kind)
    if old.kind == Resource.statefulSets.kind { json["spec"] = Self.setDefaults(json["spec"] ?? [:]) }
    var metadata = json["metadata"] ?? [:]
    for key in Self.serverMetadata { metadata[key] = old.json["metadata"]?[key] }
    if Self.desired(old.json) != Self.desired(json) {
      try checkMutable(old, json)
      metadata["generation"] = JSON(old.generation + 1)
    }
    json["metadata"] = metadata
    try checkSize(json, of: old)
    return json
  }

  func hasFinalizers(_ json: JSON) -> Bool { json["metadata"]?["finalizers"]?.array?.isEmpty == false }

  func checkSize(_ json: JSON, of object: Object) throws(APIError) {
    guard let size = Self.size(json, depthLeft: JSON.defaultDepthLimit) else {
      // A deeper object could be written, but not read again.
      throw APIError(
        .invalid,
        "\(object.kind) \(object.objectName) is nested more than \(JSON.defaultDepthLimit) levels deep; make it flatter"
      )
    }
    guard size <= sizeLimit else {
      throw APIError(
        .invalid, "\(object.kind) \(object.objectName) is larger than \(sizeLimit) bytes; make it smaller")
    }
  }

  // MARK: Implementation

  private static let serverMetadata = [
    "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp",
    "deletionGracePeriodSeconds",
  ]

  private func checkNames(_ object: Object) throws(APIError) {
    let name = object.objectName
    guard DNSName.isSubdomain(name.name) else {
      throw APIError(
        .invalid,
        "\(object.kind) \(name) has no legal name: at most 253 lower-case letters, digits, \"-\" and \".\"")
    }
    guard DNSName.isLabel(name.namespace) else {
      throw APIError(
        .invalid,
        "\(object.kind) \(name) has no legal namespace: at most 63 lower-case letters, digits and \"-\"")
    }
  }

  /// The desired state: everything except metadata and status.
  private static func desired(_ json: JSON) -> JSON {
    var rest = json
    rest["metadata"] = nil
    rest["status"] = nil
    return rest
  }

  private static let mutableInSets: Set<String> = [
    "replicas", "ordinals", "template", "updateStrategy", "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
    "revisionHistoryLimit",
  ]

  private func checkMutable(_ old: Object, _ json: JSON) throws(APIError) {
    switch old.kind {
    case Resource.statefulSets.kind:
      let before = old.json["spec"]?.object ?? [:]
      let after = json["spec"]?.object ?? [:]
      for key in Set(before.keys).union(after.keys).subtracting(Self.mutableInSets).sorted()
      where before[key] != after[key] {
        throw APIError(
          .invalid,
          "StatefulSet \(old.objectName): spec.\(key) cannot change; delete the set without its pods, or name it anew"
        )
      }
    case Resource.pods.kind:
      throw APIError(.invalid, "Pod \(old.objectName): the spec of a pod cannot change; delete the pod")
    default: break
    }
  }

  static func setDefaults(_ given: JSON) -> JSON {
    var spec = given
    if spec["replicas"]?.integer == nil { spec["replicas"] = 1 }
    if spec["podManagementPolicy"]?.string == nil { spec["podManagementPolicy"] = "OrderedReady" }
    if spec["revisionHistoryLimit"]?.integer == nil { spec["revisionHistoryLimit"] = 10 }
    if spec["updateStrategy"]?["type"]?.string == nil {
      var strategy = spec["updateStrategy"] ?? [:]
      strategy["type"] = "RollingUpdate"
      spec["updateStrategy"] = strategy
    }
    if spec["updateStrategy"]?["type"]?.string == "RollingUpdate",
      spec["updateStrategy"]?["rollingUpdate"]?["partition"]?.integer == nil
    {
      spec["updateStrategy"]?["rollingUpdate"] = ["partition": 0]
    }
    return spec
  }

  /// Estimates the size of a value in bytes when it is written; nil if it is nested too deeply.
  private static func size(_ json: JSON, depthLeft: Int) -> Int? {
    guard depthLeft > 0 else { return nil }
    var sum = 2
    switch json {
    case .null, .bool: return 4
    case .integer, .number: return 8
    case .string(let text): return text.utf8.count + 2
    case .array(let items):
      for item in items {
        guard let size = size(item, depthLeft: depthLeft - 1) else { return nil }
        sum += size + 1
      }
    case .object(let members):
      for (key, value) in members {
        guard let size = size(value, depthLeft: depthLeft - 1) else { return nil }
        sum += key.utf8.count + size + 4
      }
    }
    return sum
  }
}
