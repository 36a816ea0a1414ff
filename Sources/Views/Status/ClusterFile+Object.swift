import ClusterAPI
import KubeDirector
import StatusWriter
import Values

extension ClusterFile {
  /// As much of the object as the file tells. Members are counted in it, not named, so none are made up.
  public var object: Object {
    var object = Object(.clusters, namespace: namespace, name: name)
    object.json["spec"] = [
      "app": .string(app),
      "roles": .array(roles.map { ["id": .string($0.id), "members": JSON($0.members)] }),
    ]
    guard var status else { return object }
    for role in status.roles.indices { status.roles[role].members = [] }
    status.journal = journal
    if let stall {
      status.conditions.append(
        Condition(type: .stalled, status: true, reason: "Stalled", message: stall, lastTransition: 0))
    }
    if let message, message != stall {
      status.conditions.append(
        Condition(
          type: .progressing, status: false, reason: phase == .rejected ? "Rejected" : "Waiting",
          message: message, lastTransition: 0))
    }
    object.json["status"] = status.json
    return object
  }
}
