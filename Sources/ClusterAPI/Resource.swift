import KubeDirector
import Values

/// A kind of object that the API serves.
public struct Resource: Sendable, Hashable {
  public var group: String
  public var version: String
  public var kind: String
  public var plural: String
  /// Whether the objects belong to a namespace. For other kinds the namespace is an empty string.
  public var isNamespaced: Bool

  public init(group: String, version: String, kind: String, plural: String, isNamespaced: Bool = true) {
    self.group = group
    self.version = version
    self.kind = kind
    self.plural = plural
    self.isNamespaced = isNamespaced
  }

  public var apiVersion: String { group.isEmpty ? version : "\(group)/\(version)" }

  public static let apps = Resource(
    group: Wire.group, version: Wire.version, kind: Wire.appKind, plural: "kubedirectorapps")
  public static let clusters = Resource(
    group: Wire.group, version: Wire.version, kind: Wire.clusterKind, plural: "kubedirectorclusters")
  public static let statefulSets = Resource(
    group: "apps", version: "v1", kind: "StatefulSet", plural: "statefulsets")
  public static let controllerRevisions = Resource(
    group: "apps", version: "v1", kind: "ControllerRevision", plural: "controllerrevisions")
  public static let pods = Resource(group: "", version: "v1", kind: "Pod", plural: "pods")
  public static let services = Resource(group: "", version: "v1", kind: "Service", plural: "services")
  public static let volumeClaims = Resource(
    group: "", version: "v1", kind: "PersistentVolumeClaim", plural: "persistentvolumeclaims")
  public static let events = Resource(group: "", version: "v1", kind: "Event", plural: "events")
  /// Servers before 1.21 serve it only as `policy/v1beta1`.
  public static let disruptionBudgets = Resource(
    group: "policy", version: "v1", kind: "PodDisruptionBudget", plural: "poddisruptionbudgets")
  public static let configMaps = Resource(group: "", version: "v1", kind: "ConfigMap", plural: "configmaps")
  public static let secrets = Resource(group: "", version: "v1", kind: "Secret", plural: "secrets")
  public static let leases = Resource(
    group: "coordination.k8s.io", version: "v1", kind: "Lease", plural: "leases")
  public static let validatingWebhooks = Resource(
    group: "admissionregistration.k8s.io", version: "v1", kind: "ValidatingWebhookConfiguration",
    plural: "validatingwebhookconfigurations", isNamespaced: false)

  /// The kinds that the embedded cluster serves.
  public static let all: [Resource] = [
    .apps, .clusters, .statefulSets, .controllerRevisions, .pods, .services, .volumeClaims, .events,
    .disruptionBudgets, .configMaps, .secrets,
  ]
}

/// The name of one object of a kind.
public struct ObjectName: Sendable, Hashable, Comparable, CustomStringConvertible {
  @ExactString public var namespace: String
  @ExactString public var name: String

  public init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  public var description: String { "\(namespace)/\(name)" }

  public static func < (left: ObjectName, right: ObjectName) -> Bool {
    (left._namespace, left._name) < (right._namespace, right._name)
  }
}
