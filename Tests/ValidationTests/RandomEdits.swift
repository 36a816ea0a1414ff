import TestSupport

/// Valid and invalid edits of a small fleet: the same for the same seed.
struct RandomEdits {
  private var random: SeededRandom

  private static let namespaces = ["", "prod", "test", "kdops-system"]
  private static let clusters = ["a", "b", "c", "a-worker", "a-worker-0", "b-worker-1", "A-Worker", "ä", "K"]
  private static let files = (0..<14).map { "clusters/\($0 % 3)/\($0).yaml" } + ["clusters/é.yaml"]
  private static let apps = ["spark-1.0.0", "spark-1.1.0", "spark-2.0.0", "kafka-1.0.0"]

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func number(below limit: Int) -> Int { Int.random(in: 0..<limit, using: &random) }
  mutating func isChosen(_ count: Int, of total: Int) -> Bool { number(below: total) < count }
  private mutating func one<Element>(of all: [Element]) -> Element { all[number(below: all.count)] }

  // MARK: Edits

  /// The initial fleet.
  mutating func first() -> [String: String?] {
    var files: [String: String?] = [:]
    for name in Self.apps { files["apps/\(name).json"] = Self.app(name, image: "a") }
    for (number, path) in Self.files.prefix(9).enumerated() {
      files[path] = Self.cluster("c\(number)", app: "spark-1.0.0", namespace: "prod")
    }
    return files
  }

  /// The changes of one commit; nil removes a file.
  mutating func next() -> [String: String?] {
    var files: [String: String?] = [:]
    for _ in 0...number(below: 3) {
      switch number(below: 20) {
      case 0..<11: files[one(of: Self.files)] = clusterFile()
      case 11..<15:
        let name = one(of: Self.apps)
        files["apps/\(name).json"] = appFile(name)
      case 15: files["apps/more.yaml"] = isChosen(1, of: 2) ? appFile(one(of: Self.apps)) : "kind: [\n"
      case 16: files[".kdops.yaml"] = layout()
      case 17: files["notes/read.txt"] = "\(number(below: 100))"
      case 18: files["clusters/other.yaml"] = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
      default: files[one(of: Self.files)] = "broken: [\n"
      }
    }
    return files
  }

  /// The files that are moved before that.
  mutating func moves() -> [(from: String, to: String)] {
    isChosen(1, of: 4) ? [(one(of: Self.files), one(of: Self.files))].filter { $0.0 != $0.1 } : []
  }

  /// A status tree, by path.
  mutating func status() -> [String: String] {
    var files: [String: String] = [:]
    for name in ["a", "b", "c", "c0", "c1", "c2"] {
      let state = one(of: ["configured", "updating"])
      var text = "schemaVersion: 1\nstate: \(state)\napp: \(one(of: Self.apps))\n"
      if state == "updating", isChosen(1, of: 2) {
        text += "upgradeInfo: {isRollingBack: \(isChosen(1, of: 2)), prevApp: \(one(of: Self.apps)), id: x}\n"
      }
      if isChosen(1, of: 3) { text += "appCatalog: \(one(of: ["local", "system"]))\n" }
      files["\(one(of: ["prod", "test", "default"]))/\(name).yaml"] =
        text + "roles: [{id: worker, members: 3}]\n"
    }
    return files
  }

  private mutating func clusterFile() -> String? {
    if isChosen(1, of: 6) { return nil }
    var text = ""
    for position in 0...(isChosen(1, of: 5) ? 1 : 0) {
      if position > 0 { text += "---\n" }
      text += Self.cluster(
        isChosen(1, of: 2) ? "c\(number(below: 9))" : one(of: Self.clusters), app: one(of: Self.apps),
        namespace: one(of: Self.namespaces), members: number(below: 4),
        connections: isChosen(1, of: 3) ? ["c\(number(below: 12))"] : [],
        catalog: one(of: ["", "", "local", "system", "nowhere"]))
    }
    return text
  }

  private mutating func appFile(_ name: String) -> String? {
    if isChosen(1, of: 4) { return nil }
    return Self.app(
      name, namespace: one(of: Self.namespaces), image: one(of: ["a", "b"]),
      upgradable: one(of: ["true", "false", "null"]))
  }

  private mutating func layout() -> String? {
    one(of: [
      nil, "defaultNamespace: prod\n", "defaultNamespace: test\n", "clusters: [\"clusters/1/**\"]\n",
      "embedded: {images: [{image: \"x:\(number(below: 9))\"}]}\n", "clusters: 7\n",
    ])
  }

  // MARK: Files

  static func app(
    _ name: String, namespace: String = "prod", image: String, upgradable: String = "true"
  ) -> String {
    let version = name.split(separator: "-").last ?? "1.0.0"
    let place = namespace.isEmpty ? "" : ", \"namespace\": \"\(namespace)\""
    return """
      {"apiVersion": "kubedirector.hpe.com/v1beta1", "kind": "KubeDirectorApp",
       "metadata": {"name": "\(name)"\(place)},
       "spec": {"label": {"name": "Spark"}, "distroID": "example/spark", "version": "\(version)",
        \(upgradable == "null" ? "" : "\"upgradable\": \(upgradable),") "configSchemaVersion": 7,
        "defaultImageRepoTag": "registry.example/spark:\(image)-\(version)",
        "roles": [{"id": "worker", "cardinality": "1+"}],
        "config": {"selectedRoles": ["worker"], "roleServices": []}}}

      """
  }

  static func cluster(
    _ name: String, app: String, namespace: String = "prod", members: Int = 3, connections: [String] = [],
    catalog: String = ""
  ) -> String {
    """
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata:
      name: \(name)
    \(namespace.isEmpty ? "" : "  namespace: \(namespace)")
    spec:
      app: \(app)
    \(catalog.isEmpty ? "" : "  appCatalog: \(catalog)")
      connections: {clusters: [\(connections.joined(separator: ", "))]}
      roles:
        - id: worker
          members: \(members)
          resources:
            limits: {cpu: "1", memory: 1Gi}

    """
  }
}
