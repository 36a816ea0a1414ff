import KubeDirector
import Values

/// The rule `app/not-carried`.
enum AppNotCarried: AppRule {
  static let description = RuleDescription(
    "app/not-carried", .warning, summary: "an app uses nothing that this version does not provide to pods",
    rationale: """
      Apps that were written for KubeDirector may rely on what its operator adds to every member. `configcli`, with \
      which config packages read `configmeta.json`, is added here too, unless the image has it; a cgroup mount for \
      systemd is not.
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
    return spec.systemdRequired ? [systemd(name)] : []
  }

  private static func systemd(_ name: String) -> Violation {
    Violation(
      ["spec", "systemdRequired"],
      "`systemdRequired` of app \(name) is applied to pods in part: they get memory file systems on /tmp, /run and /run/lock, but no cgroup mount",
      hint: "no action is needed if the image does not start systemd; an image that does may fail to start")
  }
}
