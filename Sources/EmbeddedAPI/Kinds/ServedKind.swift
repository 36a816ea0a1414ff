import ClusterAPI
import KubeDirector
import Values

/// A kind that the API serves, with the names by which clients know it.
struct ServedKind: Sendable, Hashable {
  let resource: Resource
  let singular: String
  var shortNames: [String] = []
  /// Groups of kinds for clients, such as `all` of `kubectl get all`.
  var categories: [String] = []
  var subresources: [Subresource] = []
  var isReadOnly = false

  enum Subresource: String, Sendable, Hashable {
    case status, log, exec
  }

  var listKind: String { "\(resource.kind)List" }

  /// In the order in which discovery lists them.
  var verbs: [String] {
    isReadOnly ? ["get", "list"] : ["create", "delete", "get", "list", "patch", "update", "watch"]
  }

  /// The name of the kind in messages: `statefulsets.apps`.
  var qualifiedName: String {
    resource.group.isEmpty ? resource.plural : "\(resource.plural).\(resource.group)"
  }

  /// Whether strategic merge patches can be applied, which need the merge keys of built-in kinds.
  var isBuiltIn: Bool { resource.group != Wire.group }
}

extension ServedKind.Subresource {
  var verbs: [String] {
    switch self {
    case .status: ["get", "patch", "update"]
    case .log: ["get"]
    case .exec: ["create", "get"]
    }
  }
}

extension ServedKind {
  static let apps = custom(.apps, CustomResources.app)
  static let clusters = custom(.clusters, CustomResources.cluster)
  static let pods = ServedKind(
    resource: .pods, singular: "pod", shortNames: ["po"], categories: ["all"],
    subresources: [.exec, .log, .status])
  static let statefulSets = ServedKind(
    resource: .statefulSets, singular: "statefulset", shortNames: ["sts"], categories: ["all"],
    subresources: [.status])
  static let events = ServedKind(resource: .events, singular: "event", shortNames: ["ev"])
  /// The embedded cluster has no objects for namespaces: those with objects are listed.
  static let namespaces = ServedKind(
    resource: Resource(
      group: "", version: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false),
    singular: "namespace", shortNames: ["ns"], isReadOnly: true)

  /// All kinds, sorted by group and name.
  static let all: [ServedKind] = [
    ServedKind(resource: .configMaps, singular: "configmap", shortNames: ["cm"]),
    events, namespaces,
    ServedKind(resource: .volumeClaims, singular: "persistentvolumeclaim", shortNames: ["pvc"]),
    pods,
    ServedKind(resource: .secrets, singular: "secret"),
    ServedKind(resource: .services, singular: "service", shortNames: ["svc"], categories: ["all"]),
    ServedKind(resource: .controllerRevisions, singular: "controllerrevision"),
    statefulSets, apps, clusters,
    ServedKind(resource: .disruptionBudgets, singular: "poddisruptionbudget", shortNames: ["pdb"]),
  ]

  /// The groups and versions, in the order of `all`; the core group first.
  static let groupVersions: [GroupVersion] = all.reduce(into: []) { found, kind in
    let groupVersion = GroupVersion(kind.resource)
    if !found.contains(groupVersion) { found.append(groupVersion) }
  }

  static func find(_ groupVersion: GroupVersion, plural: String) -> ServedKind? {
    all.first { GroupVersion($0.resource) == groupVersion && $0.resource.plural.isExactly(plural) }
  }

  /// A kind of a custom resource definition, with the names in it.
  private static func custom(_ resource: Resource, _ definition: JSON) -> ServedKind {
    let names = definition["spec"]?["names"]
    let hasStatus = definition["spec"]?["versions"]?[0]?["subresources"]?["status"] != nil
    return ServedKind(
      resource: resource, singular: names?["singular"]?.string ?? resource.kind.lowercased(),
      shortNames: names?["shortNames"]?.array?.compactMap(\.string) ?? [],
      subresources: hasStatus ? [.status] : [])
  }
}

/// An API group with one of its versions.
struct GroupVersion: Sendable, Hashable {
  /// Empty for the core group.
  var group: String
  var version: String

  init(_ resource: Resource) { (group, version) = (resource.group, resource.version) }
  init(group: String, version: String) { (self.group, self.version) = (group, version) }

  /// The group and version as in the field `apiVersion`.
  var name: String { group.isEmpty ? version : "\(group)/\(version)" }
  /// The path of its objects, without a slash at the beginning.
  var path: String { group.isEmpty ? "api/\(version)" : "apis/\(name)" }

  var kinds: [ServedKind] { ServedKind.all.filter { GroupVersion($0.resource) == self } }
}
