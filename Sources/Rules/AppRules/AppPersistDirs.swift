import KubeDirector
import Values

/// The rule `app/persist-dirs-path`.
enum AppPersistDirsPath: AppRule {
  static let description = RuleDescription(
    "app/persist-dirs-path", summary: "every persist dir is a plain absolute path below `/`",
    rationale: """
      The path is both a mount point and a folder of the volume. A path with `.` or `..`, or with more than \
      4095 bytes, means another folder than it seems to, or none.
      """,
    passing: [
      .given(
        "two folders",
        .candidate(#""cardinality": "1""#, #""cardinality": "1", "persistDirs": ["/data", "/home"]"#))
    ],
    failing: [
      .given(
        "a path with `..`",
        .candidate(#""cardinality": "1""#, #""cardinality": "1", "persistDirs": ["/data/../opt"]"#)),
      .given(
        "a path with `..` in the app's own list",
        .candidate(#""version": "1.1.0","#, #""version": "1.1.0", "defaultPersistDirs": ["/.."],"#)),
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    PersistDirs.lists(of: app).flatMap { list in
      list.folders.enumerated().compactMap { index, folder in
        let steps = folder.utf8.split(separator: UInt8(ascii: "/")).contains {
          $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8)
        }
        if !steps, ContainerPath(folder) != nil { return nil }
        return Violation(
          list.path + [.index(index)],
          "\(list.subject) of app \(app.reference.name) contains \"\(folder)\", which is not a plain absolute path",
          hint: ContainerPath(folder).map { "write `\($0.text)`, if you mean that" }
            ?? "name a folder below `/`")
      }
    }
  }
}

/// The rule `app/persist-dirs-nested`.
enum AppPersistDirsNested: AppRule {
  static let description = RuleDescription(
    "app/persist-dirs-nested", summary: "no persist dir is inside another one of the same role",
    rationale: """
      The outer folder already persists the inner one. If the inner one were mounted too, it would be a \
      folder of the volume that the role's scripts can replace with a link. Paths are compared by their \
      names: `//d/a` is inside `/d`.
      """,
    passing: [
      .given(
        "two separate folders",
        .candidate(#""cardinality": "1""#, #""cardinality": "1", "persistDirs": ["/data", "/data-old"]"#)),
      .given(
        "a role's own list replaces the app's",
        .candidate(
          #""version": "1.1.0","#, #""version": "1.1.0", "defaultPersistDirs": ["/data/a"],"#,
          also: [#""cardinality": "1""#: #""cardinality": "1", "persistDirs": ["/data"]"#])),
    ],
    failing: [
      .given(
        "one inside another, written with two slashes",
        .candidate(#""cardinality": "1""#, #""cardinality": "1", "persistDirs": ["/d", "//d/a/volumes"]"#)),
      .given(
        "in the app's list, which its roles inherit",
        .candidate(
          #""version": "1.1.0","#, #""version": "1.1.0", "defaultPersistDirs": ["/data/logs", "/data"],"#)),
    ])

  static func check(_ app: Sourced<App>, in context: RuleContext) -> [Violation] {
    var found: [Violation] = []
    for list in PersistDirs.lists(of: app) {
      var paths: [(index: Int, path: ContainerPath)] = []
      for (index, folder) in list.folders.enumerated() {
        if let path = ContainerPath(folder) { paths.append((index, path)) }
      }
      let nested = ContainerPath.nested(paths.map(\.path)).sorted { $0.inner < $1.inner }
      // Kubernetes mounts a folder that is listed twice only once, so this is harmless.
      for (inner, outer) in nested where paths[inner].path != paths[outer].path {
        found.append(
          Violation(
            list.path + [.index(paths[inner].index)],
            "\(list.subject) of app \(app.reference.name) contains \(paths[inner].path.text), "
              + "which is inside \(paths[outer].path.text) of the same list",
            hint: "remove it: \(paths[outer].path.text) already persists it"))
      }
    }
    return found
  }
}

/// The lists of persist dirs that roles get after defaults are resolved.
private enum PersistDirs {
  struct List {
    var subject: String
    var path: FieldPath
    var folders: [String]
  }

  static func lists(of app: Sourced<App>) -> [List] {
    var lists: [List] = []
    if app.spec.roles.contains(where: { $0.persistDirs == nil }) {
      lists.append(
        List(
          subject: "defaultPersistDirs", path: ["spec", "defaultPersistDirs"],
          folders: app.spec.defaultPersistDirs))
    }
    for (index, role) in app.spec.roles.enumerated() {
      guard let folders = role.persistDirs else { continue }
      lists.append(
        List(
          subject: "persistDirs of role \(role.id)",
          path: ["spec", "roles", .index(index), "persistDirs"], folders: folders))
    }
    return lists
  }
}
