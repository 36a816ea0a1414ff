import ClusterAPI
import Values

/// The columns of pods.
///
/// Source: `printPod` of `k8s.io/kubernetes/pkg/printers/internalversion`.
enum PodColumns {
  static let all = [
    Column(name: "Ready") { object, _ in .string(ready(object)) },
    Column(name: "Status") { object, _ in .string(status(object)) },
    Column(name: "Restarts", type: "integer") { object, _ in
      let containers = object.json["status"]?["containerStatuses"]?.array ?? []
      return JSON(containers.reduce(0) { $0 + ($1["restartCount"]?.count() ?? 0) })
    },
    Column.text("IP", priority: 1) { $0["status"]?["podIP"] },
    Column.text("Node", priority: 1) { $0["spec"]?["nodeName"] },
  ]

  private static func ready(_ pod: Object) -> String {
    let containers = pod.json["status"]?["containerStatuses"]?.array ?? []
    let count = pod.json["spec"]?["containers"]?.array?.count ?? 0
    return "\(containers.filter { $0["ready"]?.bool == true }.count)/\(count)"
  }

  private static func status(_ pod: Object) -> String {
    if pod.isBeingDeleted { return "Terminating" }
    let status = pod.json["status"]
    let inits = status?["initContainerStatuses"]?.array ?? []
    for (index, container) in inits.enumerated() {
      if let end = container["state"]?["terminated"] {
        if end["exitCode"]?.integer == 0 { continue }
        return "Init:\(end["reason"]?.string ?? "Error")"
      }
      if let reason = waitingReason(container), reason != "PodInitializing" { return "Init:\(reason)" }
      return "Init:\(index)/\(inits.count)"
    }
    for container in status?["containerStatuses"]?.array ?? [] {
      if let reason = waitingReason(container) { return reason }
      if let end = container["state"]?["terminated"] { return end["reason"]?.string ?? "Error" }
    }
    return status?["reason"]?.string ?? status?["phase"]?.string ?? "Unknown"
  }

  private static func waitingReason(_ container: JSON) -> String? {
    container["state"]?["waiting"]?["reason"]?.string.flatMap { $0.isEmpty ? nil : $0 }
  }
}

/// The columns of services.
enum ServiceColumns {
  static let all = [
    Column.text("Type") { $0["spec"]?["type"] ?? "ClusterIP" },
    Column.text("Cluster-IP") { $0["spec"]?["clusterIP"] },
    Column(name: "Port(s)") { object, _ in
      let ports = object.json["spec"]?["ports"]?.array ?? []
      let texts = ports.map { "\($0["port"]?.count() ?? 0)/\($0["protocol"]?.string ?? "TCP")" }
      return .string(texts.isEmpty ? "<none>" : texts.joined(separator: ","))
    },
  ]
}
