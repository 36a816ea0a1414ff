import Diagnostics
import KubeDirector
import Values

/// The rule `upgrade/only-images`.
enum UpgradeOnlyImages: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/only-images",
    summary: "the two apps differ only in version, `upgradable`, images, cardinality and package URLs",
    rationale: """
      The apps are compared with defaults resolved role by role, by meaning and not by spelling. All other \
      fields are written to services, volumes and members that an upgrade keeps, so only a new cluster can \
      use other values.
      """,
    passing: [
      .change(
        "a role has the default image as its own, with the same meaning",
        .candidate(
          #""cardinality": "1""#, #""cardinality": "1", "imageRepoTag": "registry.example/spark:1.1.0""#),
        .cluster("app: spark-1.0.0", "app: spark-1.1.0"))
    ],
    failing: [
      .change(
        "another port", .candidate(#""port": 7077"#, #""port": 7078"#),
        .cluster("app: spark-1.0.0", "app: spark-1.1.0")),
      .change(
        "one more persist dir",
        .candidate(#""cardinality": "1+","#, #""cardinality": "1+", "persistDirs": ["/data"],"#),
        .cluster("app: spark-1.0.0", "app: spark-1.1.0")),
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard let (current, candidate) = upgrade.pair else { return [] }
    let others = AppDifference.between(current.spec, candidate.spec).filter {
      $0.subject == .other && $0.difference.name != "distroID"
    }
    if others.isEmpty { return [] }
    let places = Hint.list(others.map { "\($0.difference.name) \($0.difference.inWords)" })
    return [
      Violation(
        ["spec", "app"],
        "app \(candidate.metadata.name) differs from \(current.metadata.name) in more than images: \(places)",
        hint: "undo that in app \(candidate.metadata.name), or create a new cluster with it")
    ]
  }
}

/// The rule `upgrade/package-needs-image`.
enum UpgradePackageNeedsImage: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/package-needs-image", summary: "a role whose package URL changes also gets another image",
    rationale: """
      An upgrade does not replace the pods of a role whose image stays the same, so they would never get the \
      new package.
      """,
    passing: [
      .change("image and package together", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))
    ],
    failing: [
      .change(
        "a new package for the old image",
        .candidate("registry.example/spark:1.1.0", "registry.example/spark:1.0.0"),
        .cluster("app: spark-1.0.0", "app: spark-1.1.0"))
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard let (current, candidate) = upgrade.pair else { return [] }
    let differences = AppDifference.between(current.spec, candidate.spec)
    return differences.compactMap { one in
      guard case .packageURL(let role) = one.subject,
        !differences.contains(where: { $0.subject == .image(role: role) })
      else { return nil }
      return Violation(
        ["spec", "app"],
        "role \(role) has another package in app \(candidate.metadata.name) \(one.difference.inWords), but the same image",
        hint: "give the role a new image tag, or keep the package URL")
    }
  }
}

/// The rule `upgrade/cardinality`.
enum UpgradeCardinality: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/cardinality", .error, .both,
    summary: "the cluster's members match the cardinality of the target app",
    rationale: "An upgrade replaces members; it does not add or remove them.",
    passing: [
      .change(
        "three fit 2+", .candidate(#""cardinality": "1+""#, #""cardinality": "2+""#),
        .cluster("app: spark-1.0.0", "app: spark-1.1.0"))
    ],
    failing: [
      .change(
        "three do not fit 4+", .candidate(#""cardinality": "1+""#, #""cardinality": "4+""#),
        .cluster("app: spark-1.0.0", "app: spark-1.1.0"))
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard upgrade.kind == .upgrade, let candidate = upgrade.candidate else { return [] }
    var found: [Violation] = []
    for (index, role) in upgrade.new.spec.roles.enumerated() {
      guard let wanted = candidate.spec.role(role.id).flatMap({ Cardinality($0.cardinality) }) else {
        continue
      }
      let had = upgrade.old.spec.role(role.id)
      let minimum = upgrade.current?.spec.role(role.id).flatMap { Cardinality($0.cardinality)?.minimum }
      let written = had.flatMap { $0.members ?? minimum }
      let liveCount = upgrade.live?.status?.role(role.id)?.members.count
      func add(_ members: Int, _ severity: Severity?) {
        found.append(
          Violation(
            role.members == nil ? RolePath.of(index) : RolePath.of(index, "members"), severity: severity,
            "role \(role.id) of cluster \(upgrade.reference) has \(members) \(members == 1 ? "member" : "members"), and app \(candidate.metadata.name) requires \(wanted.inWords)",
            hint:
              "resize the role to \(wanted.minimum)\(wanted.isOpen ? " or more" : "") first if the current app allows it, and then upgrade"
          ))
      }
      if let written, !wanted.allows(written) {
        add(written, nil)
      } else if let liveCount, !wanted.allows(liveCount) {
        add(liveCount, context.live.isAuthoritative ? nil : .waiting)
      }
    }
    return found
  }
}

/// The rule `upgrade/name`.
enum UpgradeName: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/name", .warning, summary: "the names of the two apps have the same base",
    rationale: """
      `spark` or `spark-1.0.0` is followed by `spark-1.1.0`. `distroID` decides whether two apps are \
      versions of one application; a name that does not show it misleads people.
      """,
    passing: [.change("the version differs", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .change(
        "an unrelated name", from: [.candidate(#""name": "spark-1.1.0""#, #""name": "lightning-1.1.0""#)],
        .cluster("app: spark-1.0.0", "app: lightning-1.1.0"))
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard upgrade.kind == .upgrade, upgrade.candidate != nil else { return [] }
    let (old, new) = (upgrade.old.spec.app, upgrade.new.spec.app)
    if base(of: old) == base(of: new) { return [] }
    return [
      Violation(
        ["spec", "app"],
        "the name of app \(new) has another base than \(old), which cluster \(upgrade.reference) runs",
        hint:
          "give versions of one app the same base name, such as \(base(of: old))-\(upgrade.candidate?.spec.version ?? "1.1.0")"
      )
    ]
  }

  /// The name without a version at its end: `spark-1.1.0-rc.1`, `spark245` and `spark-v2` become `spark`.
  static func base(of name: String) -> Substring {
    let bytes = Array(name.utf8)
    var end = bytes.count
    for index in bytes.indices where bytes[index] == UInt8(ascii: "-") && index > 0 {
      var next = index + 1
      if next < bytes.count, bytes[next] == UInt8(ascii: "v") { next += 1 }
      if next < bytes.count, isDigit(bytes[next]) {
        end = index
        break
      }
    }
    while end > 1, isDigit(bytes[end - 1]) || bytes[end - 1] == UInt8(ascii: ".") { end -= 1 }
    return Substring(name.utf8.prefix(end))
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

/// The rule `upgrade/legacy-layout`.
enum UpgradeLegacyLayout: UpgradeRule {
  static let description = RuleDescription(
    "upgrade/legacy-layout", .warning,
    summary: "a role with storage does not persist `/usr` and `/opt` of the old image",
    rationale: """
      Without `useNewSetupLayout`, a role with storage persists `/usr` and `/opt`. They are copied once, \
      from the first image. After the upgrade, the old image's files hide those of the new one, so most \
      likely nothing has changed.
      """,
    passing: [.change("the new layout", .cluster("app: spark-1.0.0", "app: spark-1.1.0"))],
    failing: [
      .change(
        "the legacy layout",
        from: [
          .current(#", "useNewSetupLayout": true"#, ""), .candidate(#", "useNewSetupLayout": true"#, ""),
        ],
        .cluster("app: spark-1.0.0", "app: spark-1.1.0"))
    ])

  static func check(_ upgrade: UpgradeChange, in context: RuleContext) -> [Violation] {
    guard let (current, candidate) = upgrade.pair else { return [] }
    return upgrade.new.spec.roles.compactMap { role in
      guard role.storageSize != nil, role.members != 0, let old = current.spec.resolved(role.id),
        let new = candidate.spec.resolved(role.id), old.image != new.image,
        let package = new.package, !package.useNewSetupLayout
      else { return nil }
      return Violation(
        ["spec", "app"],
        "role \(role.id) of cluster \(upgrade.reference) persists /usr and /opt, so files of \(old.image) will hide those of \(new.image)",
        hint:
          "set `useNewSetupLayout: true` in the app and create a new cluster, or update the files in the script for pod_upgraded"
      )
    }
  }
}
