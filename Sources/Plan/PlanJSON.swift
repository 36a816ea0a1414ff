import Diagnostics
import KubeDirector
import Reports
import Rules
import Upgrade
import Values

/// The output of `kdops plan --format json`, an interface for programs.
public enum PlanJSON {
  /// Raised when a reader of the previous version would misread the output.
  static let schemaVersion = 1

  /// The plan as text that ends with a line feed.
  public static func render(_ plan: Plan) -> String { json(plan).text(pretty: true) + "\n" }

  /// The plan as a JSON tree. All members are always present; unknown values are `null`.
  static func json(_ plan: Plan) -> JSON {
    [
      "schemaVersion": JSON(schemaVersion), "base": .string(plan.base), "head": .string(plan.head),
      "status": [
        "source": .string(plan.status.source.rawValue), "commit": JSON(plan.status.commit),
        "cluster": JSON(plan.status.cluster),
        "age": plan.statusAge.map { JSON($0) } ?? .null, "problems": JSON(plan.status.problems),
      ],
      "clusters": .array(plan.clusters.map(json)), "apps": .array(plan.apps.map(json)),
      "findings": .array(plan.findings.map(ReportJSON.json)), "notJudged": JSON(plan.notJudged),
    ]
  }

  private static func json(_ cluster: ClusterPlan) -> JSON {
    let forecast = cluster.forecast
    let point = forecast?.pointOfNoReturn
    return [
      "namespace": .string(cluster.reference.namespace), "name": .string(cluster.reference.name),
      "change": .string(cluster.change.rawValue), "verdict": .string(cluster.verdict.rawValue),
      "fromApp": JSON(cluster.from?.app), "toApp": JSON(cluster.to?.app),
      "fromVersion": JSON(cluster.from?.version), "toVersion": JSON(cluster.to?.version),
      "rollbackPossible": .bool(cluster.isRollbackPossible),
      "pointOfNoReturn": point.map { ["role": .string($0.role), "ordinal": JSON($0.ordinal)] } ?? .null,
      "maxUnavailable": forecast?.maxUnavailable.map { JSON($0) } ?? .null,
      "stages": .array((forecast?.stages ?? []).map { JSON($0) }), "atMost": .bool(cluster.isAtMost),
      "roles": .array((forecast?.roles ?? []).map { role($0, in: cluster) }),
      "scripts": .array((forecast?.scripts ?? []).map(json)),
      "changes": JSON(cluster.changes), "waitsFor": cluster.running.map(json) ?? .null,
      "remarks": JSON(cluster.remarks), "obstacle": JSON(forecast?.obstacle),
      "findings": .array(cluster.findings.map(ReportJSON.json)),
    ]
  }

  private static func role(_ role: Forecast.Role, in cluster: ClusterPlan) -> JSON {
    // The events about this role's own pods. All events are under `scripts`.
    var hooks: [String] = []
    for scripts in cluster.forecast?.scripts ?? [] where scripts.role == role.id {
      if !hooks.contains(scripts.event.rawValue) { hooks.append(scripts.event.rawValue) }
    }
    return [
      "id": .string(role.id), "fromImage": image(role.imageBefore), "toImage": image(role.imageAfter),
      "ordinals": .array(role.replaced.map { JSON($0) }), "hooks": JSON(hooks),
      "fromMembers": JSON(role.membersBefore), "toMembers": JSON(role.membersAfter),
    ]
  }

  private static func image(_ image: String) -> JSON { image.isEmpty ? .null : .string(image) }

  private static func json(_ scripts: Forecast.Scripts) -> JSON {
    [
      "event": .string(scripts.event.rawValue), "role": .string(scripts.role), "about": JSON(scripts.about),
      "count": JSON(scripts.count),
    ]
  }

  private static func json(_ running: RunningUpgrade) -> JSON {
    [
      "fromApp": .string(running.fromApp), "toApp": .string(running.toApp),
      "isRollingBack": .bool(running.isRollingBack), "commit": JSON(running.commit),
      "done": running.done.map { JSON($0) } ?? .null, "total": running.total.map { JSON($0) } ?? .null,
      "stalled": JSON(running.stall),
    ]
  }

  private static func json(_ app: AppPlan) -> JSON {
    [
      "namespace": .string(app.reference.namespace), "name": .string(app.reference.name),
      "change": .string(app.change.rawValue), "verdict": .string(app.verdict.rawValue),
      "version": JSON(app.version), "changes": JSON(app.changes),
      "findings": .array(app.findings.map(ReportJSON.json)),
    ]
  }
}
