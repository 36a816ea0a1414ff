import ClusterAPI
import KubeDirector
import Reports
import Values

/// Converts a file of the status tree into a cluster object. Data that the file does not have is absent: it
/// counts members without naming them, and has neither times nor the engine's counters.
extension ClusterFile {
  public var object: Object {
    var object = Object(.clusters, namespace: namespace, name: name)
    object.json["spec"] = [
      "app": .string(app),
      "roles": .array(roles.map { ["id": .string($0.id), "members": JSON($0.members)] }),
    ]
    object.json["status"] = statusJSON
    return object
  }

  /// Nil if the cluster has no status yet.
  private var statusJSON: JSON? {
    guard let state else { return nil }
    var out: JSON = ["state": .string(state.rawValue), "app": .string(app)]
    out["appCatalog"] = appCatalog.map { .string($0.rawValue) }
    out["upgradeInfo"] = upgradeInfo.map {
      ["isRollingBack": .bool($0.isRollingBack), "prevApp": .string($0.prevApp), "id": .string($0.id)]
    }
    out["specCommit"] = commit.map(JSON.string)
    var conditions: [JSON] = []
    if let stall { conditions.append(Self.condition(.stalled, true, .stalled, stall)) }
    if let message, message != stall {
      let reason = phase == .rejected ? StatusReason.rejected : .waiting
      conditions.append(Self.condition(.progressing, false, reason, message))
    }
    if !conditions.isEmpty { out["conditions"] = .array(conditions) }
    out["roles"] = .array(roles.map { ["id": .string($0.id)] })
    if !journal.runs.isEmpty { out["journal"] = journal.json }
    return out
  }

  private static func condition(
    _ type: Condition.Kind, _ status: Bool, _ reason: StatusReason, _ message: String
  ) -> JSON {
    [
      "type": .string(type.rawValue), "status": status ? "True" : "False", "reason": .string(reason.rawValue),
      "message": .string(message),
    ]
  }
}
