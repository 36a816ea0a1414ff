import KubeDirector
import Values

/// The rule `cluster/file-injection`.
enum ClusterFileInjection: ClusterRule {
  static let description = RuleDescription(
    "cluster/file-injection",
    summary: "an injected file has a name, a folder for it, and owners that a container can have",
    rationale: """
      A file keeps the last part of its URL's path as its name. Its mode is the number that Kubernetes \
      uses, so 0644 is 420 in JSON.
      """,
    passing: [
      .given(
        "a file for a user",
        .cluster(
          "members: 3", "members: 3\n      \(FileText.file("https://files.example/jdbc.jar?v=2", "spark"))"))
    ],
    failing: [
      .given(
        "no file name",
        .cluster("members: 3", "members: 3\n      \(FileText.file("https://files.example/", "spark"))")),
      .given(
        "a file in place of one that the daemon writes",
        .cluster(
          "members: 3",
          "members: 3\n      \(FileText.file("https://files.example/configmeta.json", "spark", "/etc/guestconfig"))"
        )),
      .given(
        "an option in place of an owner",
        .cluster("members: 3", "members: 3\n      \(FileText.file("https://files.example/a", "-R"))")),
    ])

  static func check(_ cluster: Sourced<Cluster>, app: App?, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for (index, role) in cluster.spec.roles.enumerated() {
      for (position, value) in (role.raw["fileInjections"]?.array ?? []).enumerated() {
        guard let file = FileInjection(value) else { continue }
        let path = RolePath.of(index, "fileInjections", .index(position))
        let owner = "role \(role.id) of cluster \(cluster.reference)"
        if file.name == nil {
          found.append(
            Violation(
              path.appending("srcURL"), "\(file.source) in fileInjections of \(owner) names no file",
              hint: "use the URL of a file, such as `https://files.example/jdbc.jar`"))
        }
        if file.name != nil, !file.hasValidFolder {
          found.append(
            Violation(
              path.appending("destDir"),
              "\(file.source) in fileInjections of \(owner) would be in a folder of the system or of the daemon: \(file.folder)",
              hint: "use another folder, such as `/opt/jars`"))
        }
        if !file.hasValidOwner {
          found.append(
            Violation(
              path.appending("permissions"),
              "the owner or group of \(file.source) in fileInjections of \(owner) is not a name or number",
              hint: "use letters, digits, `_`, `-` and `.`, and no `-` as the first character"))
        }
      }
    }
    return found
  }
}

private enum FileText {
  static func file(_ source: String, _ owner: String, _ folder: String = "/opt/jars") -> String {
    "fileInjections: [{srcURL: \"\(source)\", destDir: \(folder), permissions: {fileMode: 420, fileOwner: \"\(owner)\"}}]"
  }
}
