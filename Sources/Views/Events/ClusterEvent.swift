import ClusterAPI
import Diagnostics
import KubeDirector

/// An Event of Kubernetes about a cluster, its app or one of its pods, as users see it.
public struct ClusterEvent: Hashable, Sendable {
  public var object: Object
  /// When it was last seen, in whole seconds since 1970; nil if it does not say.
  public var lastSeen: Int?
  var first: Int?
  var count: Int
  var isWarning: Bool
  var reason: String
  var message: String
  /// The object that the event is about.
  var about: ObjectReference

  public init(_ event: Object) {
    let json = event.json
    func time(_ keys: String...) -> Int? {
      keys.lazy.compactMap { json[$0]?.string.flatMap(Timestamp.seconds) }.first
    }
    object = event
    lastSeen = time("lastTimestamp", "eventTime", "firstTimestamp")
    first = time("firstTimestamp", "eventTime")
    count = max(1, json["count"]?.count() ?? 1)
    isWarning = json["type"]?.string == "Warning"
    reason = json["reason"]?.string ?? ""
    message = json["message"]?.string ?? ""
    let about = json["involvedObject"]
    self.about = ObjectReference(
      kind: about?["kind"]?.string ?? "", namespace: about?["namespace"]?.string ?? event.namespace,
      name: about?["name"]?.string ?? "")
  }

  /// The events that concern clusters, the oldest first.
  ///
  /// - Parameter cluster: Nil for all clusters and apps. Otherwise the events of this cluster and of its StatefulSets
  ///   and pods.
  public static func select(_ events: [Object], of cluster: Object?) -> [ClusterEvent] {
    let status = cluster.flatMap { ClusterStatus($0.json["status"]) }
    let parts = Set((status?.members.map(\.pod) ?? []) + (status?.roles.map(\.statefulSet) ?? []))
    let found = events.map(ClusterEvent.init).filter { event in
      guard let cluster else { return [Wire.clusterKind, Wire.appKind].contains(event.about.kind) }
      guard event.about.namespace == cluster.namespace else { return false }
      if event.about.kind == Wire.clusterKind { return event.about.name == cluster.name }
      return ["Pod", "StatefulSet"].contains(event.about.kind) && parts.contains(event.about.name)
    }
    return found.sorted { ($0.lastSeen ?? 0, $0.object.name) < ($1.lastSeen ?? 0, $1.object.name) }
  }
}
