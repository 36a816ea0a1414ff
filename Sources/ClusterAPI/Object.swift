import KubeDirector
import Values

/// An API object: its JSON, with accessors for common metadata.
public struct Object: Sendable, Hashable {
  public var json: JSON

  public init(_ json: JSON) { self.json = json }

  /// Creates an object to be sent to the server.
  public init(
    _ resource: Resource, namespace: String, name: String, labels: [String: String] = [:],
    annotations: [String: String] = [:], owners: [OwnerReference] = [], content: JSON = [:]
  ) {
    var metadata: JSON = ["name": .string(name), "namespace": .string(namespace)]
    if !labels.isEmpty { metadata["labels"] = JSON(labels) }
    if !annotations.isEmpty { metadata["annotations"] = JSON(annotations) }
    if !owners.isEmpty { metadata["ownerReferences"] = .array(owners.map(\.json)) }
    json = [
      "apiVersion": .string(resource.apiVersion), "kind": .string(resource.kind), "metadata": metadata,
    ]
    for (key, value) in content.object ?? [:] { json[key] = value }
  }

  public var apiVersion: String { json["apiVersion"]?.string ?? "" }
  public var kind: String { json["kind"]?.string ?? "" }
  public var name: String { json["metadata"]?["name"]?.string ?? "" }
  public var namespace: String { json["metadata"]?["namespace"]?.string ?? "" }
  public var objectName: ObjectName { ObjectName(namespace: namespace, name: name) }
  public var uid: String { json["metadata"]?["uid"]?.string ?? "" }
  public var resourceVersion: String { json["metadata"]?["resourceVersion"]?.string ?? "" }
  public var generation: Int { json["metadata"]?["generation"]?.count() ?? 0 }
  public var labels: [String: String] { json["metadata"]?["labels"]?.strings ?? [:] }
  public var annotations: [String: String] { json["metadata"]?["annotations"]?.strings ?? [:] }
  public var isBeingDeleted: Bool { json["metadata"]?["deletionTimestamp"]?.string != nil }
  public var owners: [OwnerReference] {
    json["metadata"]?["ownerReferences"]?.array?.compactMap(OwnerReference.init) ?? []
  }

  public func label(_ name: String) -> String? { json["metadata"]?["labels"]?[name]?.string }
  public func annotation(_ name: String) -> String? { json["metadata"]?["annotations"]?[name]?.string }

  /// Whether the object is suspended: nothing new must be started for it.
  public var isSuspended: Bool { annotation(Wire.Annotation.suspend) == "true" }

  /// Whether a label (`l:KEY`) or an annotation (`a:KEY`) of the object came from its file.
  public func isCarried(_ key: String) -> Bool {
    annotation(Wire.Annotation.carried)?.split(separator: " ").contains { $0 == key } ?? false
  }
}

extension Object {
  /// Identifies one object, unlike a name, which later objects may reuse.
  public struct Reference: Sendable, Hashable {
    public var apiVersion: String
    public var kind: String
    public var name: ObjectName
    public var uid: String

    public init(apiVersion: String, kind: String, name: ObjectName, uid: String) {
      self.apiVersion = apiVersion
      self.kind = kind
      self.name = name
      self.uid = uid
    }
  }

  public var reference: Reference {
    Reference(apiVersion: apiVersion, kind: kind, name: objectName, uid: uid)
  }
}

/// The owner of an object: the object is deleted together with its owner.
public struct OwnerReference: Sendable, Hashable {
  public var apiVersion: String
  public var kind: String
  public var name: String
  public var uid: String
  public var isController: Bool

  public init(apiVersion: String, kind: String, name: String, uid: String, isController: Bool = true) {
    self.apiVersion = apiVersion
    self.kind = kind
    self.name = name
    self.uid = uid
    self.isController = isController
  }

  public init(_ object: Object) {
    self.init(apiVersion: object.apiVersion, kind: object.kind, name: object.name, uid: object.uid)
  }

  init?(_ json: JSON) {
    guard let name = json["name"]?.string, let uid = json["uid"]?.string else { return nil }
    self.init(
      apiVersion: json["apiVersion"]?.string ?? "", kind: json["kind"]?.string ?? "", name: name, uid: uid,
      isController: json["controller"]?.bool ?? false)
  }

  var json: JSON {
    [
      "apiVersion": .string(apiVersion), "kind": .string(kind), "name": .string(name), "uid": .string(uid),
      "controller": .bool(isController),
    ]
  }
}

/// Selects objects by their labels: all pairs must match.
public struct LabelSelector: Sendable, Hashable, ExpressibleByDictionaryLiteral {
  public var equals: [String: String]
  /// Labels that must exist with any value.
  public var exists: [String]

  public static let everything = LabelSelector(equals: [:])

  public init(equals: [String: String], exists: [String] = []) {
    self.equals = equals
    self.exists = exists
  }

  public init(dictionaryLiteral elements: (String, String)...) {
    self.init(equals: Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }

  public func matches(_ object: Object) -> Bool {
    equals.allSatisfy { object.label($0.key) == $0.value } && exists.allSatisfy { object.label($0) != nil }
  }
}
