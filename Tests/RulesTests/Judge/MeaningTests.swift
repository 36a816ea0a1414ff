import KubeDirector
import Testing
import Values

@testable import Rules

@Suite("Comparison by meaning")
struct MeaningTests {
  let start = Repository()

  private func outcome(_ edits: Edit...) throws -> String? {
    var head = start
    for edit in edits { try edit.apply(to: &head.files) }
    let judgement = Repository.judge(start, head)
    return judgement.outcome(Repository.analytics)
  }

  @Test(
    "treats a cluster in a different spelling as unchanged",
    arguments: [
      ("size: 10Gi", "size: 10240Mi"), ("memory: 4Gi", "memory: 4096Mi"), ("cpu: \"2\"", "cpu: 2"),
      ("cpu: \"2\"", "cpu: 2000m"), ("members: 1\n", "# one\n"),
      ("storage: {size: 10Gi}", "storage:\n        size: '10Gi'"),
      ("app: spark-1.0.0", "app: spark-1.0.0\n  appCatalog: local"),
      ("app: spark-1.0.0", "app: spark-1.0.0\n  namingScheme: CrNameRole"),
      ("app: spark-1.0.0", "app: spark-1.0.0\n  connections: {clusters: []}"),
    ])
  func unchanged(old: String, new: String) throws {
    #expect(try outcome(.cluster(old, new)) == "none unchanged")
  }

  @Test("identifies roles by id, in any order")
  func roleOrder() throws {
    let controller =
      "    - id: controller\n      members: 1\n      resources:\n        limits: {cpu: \"1\", memory: 2Gi}\n"
    #expect(
      try outcome(
        .cluster(controller, "", also: ["storage: {size: 10Gi}\n": "storage: {size: 10Gi}\n" + controller]))
        == "none unchanged")
  }

  @Test(
    "classifies each difference in meaning as a kind of change",
    arguments: [
      ("members: 3", "members: 4", "resize accepted"),
      ("members: 3\n", "\n", "resize accepted"),
      (
        "    - id: controller",
        "    - {id: gateway, resources: {limits: {cpu: 1, memory: 1Gi}}}\n    - id: controller",
        "resize accepted"
      ),
      ("size: 10Gi", "size: 11Gi", "reconfigure rejected"),
      ("app: spark-1.0.0", "app: spark-1.0.0\n  serviceType: NodePort", "reconfigure accepted"),
      ("app: spark-1.0.0", "app: spark-1.0.0\n  appCatalog: system", "reconfigure rejected"),
      ("name: analytics", "name: analytics\n  labels: {team: insight}", "metadata accepted"),
      ("app: spark-1.0.0", "app: spark-1.1.0", "upgrade accepted"),
    ])
  func kinds(old: String, new: String, wanted: String) throws {
    #expect(try outcome(.cluster(old, new)) == wanted)
  }

  @Test("compares apps after resolving the defaults of each role")
  func appDefaults() throws {
    let moved = try start.with(
      .current(
        #""defaultImageRepoTag": "registry.example/spark:1.0.0","#, "",
        also: [
          #""cardinality": "1""#: #""cardinality": "1", "imageRepoTag": "registry.example/spark:1.0.0""#,
          #""cardinality": "1+","#: #""imageRepoTag": "registry.example/spark:1.0.0", "cardinality": "1+","#,
        ]))
    #expect(Repository.judge(start, moved).outcome(Repository.current) == "none unchanged")
  }

  @Test("treats an absent package as inherited, and null as none")
  func nullPackage() throws {
    let spec = try #require(App(try JSON.parse(Fixture.current))).spec
    var inherited = spec.raw
    guard case .array(var roles)? = inherited["roles"] else { return }
    roles[2]["configPackage"] = nil
    inherited["roles"] = .array(roles)
    let found = AppDifference.between(spec, AppSpec(inherited))
    #expect(found.map(\.difference.name) == ["roles[gateway].configPackage"])
    #expect(found.map(\.subject) == [.other])
  }

  @Test(
    "takes omitted members from the app's minimum; if an upgrade changes it, that is a separate change")
  func absentMembers() throws {
    let base = try start.with(
      .current(#""cardinality": "1+""#, #""cardinality": "3+""#), .cluster("members: 3", "# the minimum"))
    let judgement = Repository.judge(base, try base.upgraded)
    #expect(judgement.summary == ["error upgrade/only-app"])
    #expect(
      judgement.findings.first?.message
        == "roles[worker].members of cluster prod/analytics changes (3 → 1) together with spec.app")
    let wider = try base.upgraded.with(.candidate(#""cardinality": "1+""#, #""cardinality": "4+""#))
    #expect(Repository.judge(base, wider).summary == ["error upgrade/cardinality"])
  }

  @Test("does not repeat the value of a variable in a finding")
  func privateValues() throws {
    let base = try start.with(
      .cluster("members: 3", "members: 3\n      env: [{name: KEY, value: old-secret}]"))
    let head = try base.with(.cluster("old-secret", "new-secret"))
    let finding = try #require(Repository.judge(base, head).findings.first)
    #expect(finding.message.hasSuffix("so roles[worker].env[0].value cannot change (changed)"))
  }
}
