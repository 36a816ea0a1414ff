import Diagnostics
import KubeDirector
import Values

/// The rule `cluster/read-only`.
enum ClusterReadOnly: ClusterChangeRule {
  static let description = RuleDescription(
    "cluster/read-only", summary: "`appCatalog` and `namingScheme` of a cluster do not change",
    rationale: """
      Both determine the names of the cluster's objects and the app that they are created from, so only a \
      new cluster can have another value. If `appCatalog` is absent, setting it to the catalog in use is not \
      a change.
      """,
    passing: [
      .change(
        "the catalog in which the app was found",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  appCatalog: local"))
    ],
    failing: [
      .change(
        "another naming scheme",
        from: [.cluster("app: spark-1.0.0", "app: spark-1.0.0\n  namingScheme: UID")],
        .cluster("namingScheme: UID", "namingScheme: CrNameRole"))
    ])

  static func check(_ change: ClusterChange, in context: RuleContext) -> [Violation] {
    change.differences.compactMap { difference in
      guard difference.name == "appCatalog" || difference.name == "namingScheme" else { return nil }
      return Violation(
        difference.newPath,
        "\(difference.name) of cluster \(change.reference) cannot change \(difference.inWords)",
        hint: "restore the old value, or create a new cluster")
    }
  }
}

/// The rule `cluster/role-read-only`.
enum ClusterRoleReadOnly: ClusterChangeRule {
  static let description = RuleDescription(
    "cluster/role-read-only", .error, .both,
    summary: "in a role that has members, only `members` changes",
    rationale: """
      Resources, storage and the other fields are written to the pods and volumes of existing members. \
      Without a status, the members in the old file count as existing. If the last members are being \
      deleted, the change waits until they are deleted.
      """,
    passing: [.change("more members", .cluster("members: 3", "members: 5"))],
    failing: [
      .change("another storage size", .cluster("size: 10Gi", "size: 20Gi")),
      .change(
        "a Secret for every role",
        .cluster("app: spark-1.0.0", "app: spark-1.0.0\n  defaultSecret: {name: keys, mountPath: /keys}")),
      .change(
        "the same with a status that shows the members", .cluster("size: 10Gi", "size: 20Gi"),
        live: .configured),
    ])

  static func check(_ change: ClusterChange, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for difference in change.differences where !ClusterMeaning.isSize(difference) {
      let steps = difference.newPath.steps
      guard steps.count >= 3, steps[1] == .key("roles"), case .index(let index) = steps[2],
        change.new.spec.roles.indices.contains(index)
      else { continue }
      let id = change.new.spec.roles[index].id
      let existing = members(of: id, in: change)
      guard existing.count > 0 else { continue }
      let areLeaving = existing.isLive && change.old.spec.role(id)?.members == 0
      found.append(
        Violation(
          difference.newPath,
          severity: areLeaving || (existing.isLive && !context.live.isAuthoritative) ? .waiting : nil,
          "role \(id) of cluster \(change.reference) has \(existing.count) \(existing.count == 1 ? "member" : "members"), so \(difference.name) cannot change \(difference.inWords)",
          hint: areLeaving
            ? "nothing to do: it is applied when they are deleted"
            : "set the role to `members: 0` first if the app allows that, or create a new cluster"))
    }
    return found
  }

  private static func members(of id: String, in change: ClusterChange) -> (count: Int, isLive: Bool) {
    if let status = change.live?.status { return (status.role(id)?.members.count ?? 0, true) }
    guard let role = change.old.spec.role(id) else { return (0, false) }
    let minimum = change.app?.spec.role(id).flatMap { Cardinality($0.cardinality)?.minimum }
    return (role.members ?? minimum ?? 1, false)
  }
}

/// The rule `cluster/busy`.
enum ClusterBusy: ClusterChangeRule {
  static let description = RuleDescription(
    "cluster/busy", .waiting, .live, summary: "a cluster changes only while it is `configured`",
    rationale: """
      The engine completes one change before it starts the next, so that the cause of a failure is known. \
      The change is kept, and judged again when the cluster's state changes. If the cluster is stalled \
      because members do not start, and no upgrade runs, their number may change: this reverts a stuck \
      resize.
      """,
    passing: [
      .change("configured", .cluster("members: 3", "members: 5"), live: .configured),
      .change(
        "back to the old number, because new members do not start",
        from: [.cluster("members: 3", "members: 5")],
        .cluster("members: 5", "members: 3"), live: .stuck),
    ],
    failing: [
      .change("while members are created", .cluster("members: 3", "members: 5"), live: .creating),
      .change(
        "while an upgrade runs", from: [.cluster("app: spark-1.0.0", "app: spark-1.1.0")],
        .cluster("members: 3", "members: 5"), live: .upgrading),
    ])

  /// Whether the change is the remedy for a stall: a change of the number of members while no upgrade runs. Without
  /// it, a cluster whose members do not start would wait forever.
  private static func isRemedy(_ change: ClusterChange, of live: LiveCluster) -> Bool {
    change.kind == .resize && live.isStalled && live.status?.upgradeInfo == nil
  }

  /// Volumes outlive their cluster, so a cluster is not deleted while an upgrade changes them. A stalled cluster may
  /// be deleted, because its upgrade would never end.
  static func check(deletion old: Sourced<Cluster>, in context: RuleContext) -> [Violation] {
    guard let live = context.live.cluster(old.reference), live.status?.upgradeInfo != nil, !live.isStalled,
      let reason = live.reasonToWait(beside: old.spec.app, noWayBack: false)
    else { return [] }
    return [
      Violation(
        ["metadata", "name"], of: .old, "cluster \(old.reference) \(reason)",
        hint: live.status?.isSuspended == true
          ? "resume it with kdops resume; if its file has suspended it, restore the file without the annotation \(Wire.Annotation.suspend)"
          : "nothing to do: it is deleted when that has ended")
    ]
  }

  static func check(_ change: ClusterChange, in context: RuleContext) -> [Violation] {
    let noWayBack = !context.rolesWithoutReturn(of: change.reference, change.live).isEmpty
    guard let live = change.live,
      let reason = live.reasonToWait(beside: change.old.spec.app, noWayBack: noWayBack),
      !isRemedy(change, of: live)
    else { return [] }
    let path = change.differences.first?.newPath ?? ["spec"]
    return [
      Violation(
        path, "cluster \(change.reference) \(reason)",
        hint: live.remedy(path: change.new.source?.path, noWayBack: noWayBack))
    ]
  }
}
