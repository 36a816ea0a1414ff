import KubeDirector

/// A kind of object that the port serves.
public struct Resource: Sendable, Hashable {
  public var group: String
  public var version: String
  public var kind: String
  public var plural: String

  public init(group: String, version: String, kind: String, plural: String) {
    self.group = group
    self.version = version
    self.kind = kind
    self.plural = plural
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

  public static let all: [Resource] = [
    .apps, .clusters, .statefulSets, .controllerRevisions, .pods, .services, .volumeClaims, .events,
  ]
}

/// The name of one object within its kind.
public struct ObjectName: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var namespace: String
  public var name: String

  public init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  public var description: String { "\(namespace)/\(name)" }

  public static func < (left: ObjectName, right: ObjectName) -> Bool {
    (left.namespace, left.name) < (right.namespace, right.name)
  }
}
