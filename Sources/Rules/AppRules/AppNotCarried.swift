import KubeDirector
import Values

/// The rule `app/not-carried`.
enum AppNotCarried: AppRule {
  static let description = RuleDescription(
    "app/not-carried", .warning, summary: "an app uses nothing that this version does not provide to pods",
    rationale: """
      Apps that were written for KubeDirector may rely on what its operator adds to every member: a cgroup \
      mount for systemd, and `configcli`, with which config packages read `configmeta.json`. This version adds \
      neither. Images that contain `configcli`, and scripts that \
      read the file in another way, work. A package does not declare what it calls, so the use of \
      `configcli` is assumed if the app has a package and requests systemd, as KubeDirector's catalog does.
      """,
    passing: [
      .given(
        "a package, without systemd",
        .candidate(#""version": "1.1.0""#, #""systemdRequired": false, "version": "1.1.0""#))
    ],
    failing: [
      .given(
        "an image that runs systemd",
        .candidate(#""version": "1.1.0""#, #""systemdRequired": true, "version": "1.1.0""#))
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    let (spec, name) = (app.spec, app.reference.name)
    var found: [Violation] = []
    if spec.systemdRequired {
      found.append(systemd(name))
      if let package = package(of: spec) { found.append(configcli(package, name)) }
    }
    return found
  }

  private static func systemd(_ name: String) -> Violation {
    Violation(
      ["spec", "systemdRequired"],
      "`systemdRequired` of app \(name) is applied to pods in part: they get memory file systems on /tmp, /run and /run/lock, but no cgroup mount",
      hint: "no action is needed if the image does not start systemd; an image that does may fail to start")
  }

  /// The path of the first package that a role uses.
  private static func package(of spec: AppSpec) -> FieldPath? {
    for (index, role) in spec.roles.enumerated() {
      switch role.package {
      case .own: return ["spec", "roles", .index(index), "configPackage"]
      case .inherited where spec.defaultPackage != nil: return ["spec", "defaultConfigPackage"]
      case .inherited, .none: continue
      }
    }
    return nil
  }

  private static func configcli(_ package: FieldPath, _ name: String) -> Violation {
    Violation(
      package,
      "`configcli`, which config packages written for KubeDirector call, is not added to pods of app \(name)",
      hint:
        "no action is needed if the image contains it or the scripts do not call it; other scripts fail at --configure"
    )
  }
}
