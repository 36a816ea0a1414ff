import Diagnostics
import KubeDirector
import Manifests
import Testing
import Values

@testable import Rules

/// The time of a judgement is linear in the size of the files, for any names in them. Without that, each of these
/// inputs takes minutes.
@Suite("The cost of evaluation", .timeLimit(.minutes(5)))
struct CostTests {
  private func judge(_ text: String, path: String = "clusters/a.json") -> Judgement {
    var files = Fixture.files
    files[path] = text
    return Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files)))
  }

  private func cluster(_ name: String, roles: [String], more: String = "") -> String {
    let entries = roles.map {
      #"{"id":"\#($0)","members":1,"resources":{"limits":{"cpu":1,"memory":"1Gi"}}\#(more)}"#
    }
    return #"{"apiVersion":"kubedirector.hpe.com/v1beta1","kind":"KubeDirectorCluster","#
      + #""metadata":{"name":"\#(name)","namespace":"prod"},"#
      + #""spec":{"app":"spark-1.0.0","roles":[\#(entries.joined(separator: ","))]}}"#
  }

  private func list(_ objects: [String]) -> String {
    #"{"apiVersion":"v1","kind":"List","items":[\#(objects.joined(separator: ","))]}"#
  }

  /// Names that all map to one: each combination of dots and dashes between letters.
  private func alike(_ count: Int) -> [String] {
    (0..<count).map { number in
      (0..<14).map { bit in "a" + (number >> bit & 1 == 0 ? "-" : ".") }.joined() + "a"
    }
  }

  @Test(
    "is limited for thousands of bad objects: all findings of the first, the worst and a count of the others")
  func manyBadObjects() throws {
    let unknown = (0..<110).map { #","x\#($0)":1"# }.joined()
    let clusters = (0..<150).map { cluster("c\(1000 + $0)", roles: ["controller"], more: unknown) }
    let judgement = judge(list(clusters))
    let first = judgement.findings(of: .cluster("prod", "c1000"))
    #expect(first.count >= FindingLimit.standard)
    let last = judgement.findings(of: .cluster("prod", "c1149"))
    #expect((1...6).contains(last.count), "\(last.map(\.message))")
    #expect(last.contains { $0.rule == FindingLimit.rule })
    #expect(judgement.findings.count < FindingLimit.detailed + 1_000)
  }

  @Test("is limited by bytes for finding places; later findings are at the beginning of their file")
  func places() {
    let text = cluster("a", roles: ["worker"])
    let head = ExampleRunner.snapshot(["clusters/a.json": "\n" + text, "clusters/b.json": "\n" + text])
    var finder = PlaceFinder(base: nil, head: head, limit: 100)
    let places = ["clusters/a.json", "clusters/b.json", "clusters/a.json"].map {
      finder.place(of: Violation(["metadata", "name"], ""), in: Source(path: $0))?.line
    }
    #expect(places == [2, 1, 2])
  }

  @Test("is limited for six thousand roles with equal names, which are refused by their number")
  func collidingRoles() {
    let judgement = judge(cluster("many", roles: alike(6_000)))
    #expect(judgement.outcome(.cluster("prod", "many")) == "create rejected")
    #expect(judgement.findings.map(\.rule).contains("cluster/schema"))
  }

  @Test("is one pass for the maximum number of roles with equal names")
  func collidingRolesWithinLimits() {
    let clusters = (0..<20).map { cluster("c\($0)", roles: alike(256)) }
    #expect(judge(list(clusters)).hasErrors)
    let names = DerivedNames.statefulSets(cluster: "c", roles: alike(10_000))
    #expect(Set(names).count == names.count)
    let few = alike(64)
    #expect(
      DerivedNames.statefulSets(cluster: "c", roles: few)
        == few.map { DerivedNames.statefulSet(cluster: "c", role: $0, among: few) })
  }

  @Test("is limited for thousands of clusters that claim the same names; all but one are refused")
  func contestedNames() {
    let names = alike(3_000)
    let judgement = judge(list(names.map { cluster($0, roles: ["worker"]) }))
    let accepted = judgement.objects.filter { names.contains($0.reference.name) && $0.verdict == .accepted }
    #expect(accepted.count <= 1)
    #expect(judgement.findings.count < 3_000 * 25)
  }

  @Test("is limited for thousands of duplicates of an object, which get a hundred findings and one more")
  func duplicates() {
    let judgement = judge(list(Array(repeating: cluster("twin", roles: ["worker"]), count: 4_000)))
    #expect(judgement.outcome(.cluster("prod", "twin")) == "create rejected")
    let own = judgement.findings.filter { $0.object?.name == "twin" }
    #expect(own.count { $0.rule == "object/duplicate" } == FindingLimit.standard)
    #expect(own.contains { $0.rule == FindingLimit.rule && $0.message.contains("3899 more") })
  }

  @Test(
    "is limited for twenty thousand bad labels, which get a hundred findings and one that counts the rest")
  func labels() throws {
    let labels = (0..<20_000).map { #""a b\#($0)":"x""# }.joined(separator: ",")
    let judgement = judge(cluster("labelled", roles: ["controller"], more: #","podLabels":{\#(labels)}"#))
    let own = judgement.findings.filter { $0.object?.name == "labelled" }
    #expect(own.count < FindingLimit.standard + 5)
    let more = try #require(own.first { $0.rule == FindingLimit.rule })
    #expect(more.severity == .error && more.message.contains("more findings"))
  }

  @Test("is one pass for trimming a mount path of half a megabyte of slashes")
  func slashes() {
    let path = String(repeating: "/", count: 500_000)
    let volumes =
      #","volumeProjections":[{"pvcName":"a","mountPath":"\#(path)"},{"pvcName":"b","mountPath":"/"}]"#
    let judgement = judge(cluster("slashed", roles: ["controller"], more: volumes))
    #expect(judgement.findings.contains { $0.rule == "cluster/mount-path-unique" })
  }

  @Test("is limited for thousands of clusters whose app is missing, beside thousands of apps")
  func missingApps() {
    let apps = (0..<500).map {
      Fixture.current.replacing("spark-1.0.0", with: "app-\($0)")
    }
    var files = Fixture.files
    files["apps/many.json"] = list(apps)
    let clusters = (0..<1_500).map {
      cluster("c\($0)", roles: ["controller"]).replacing("spark-1.0.0", with: "nothing-\($0)")
    }
    files["clusters/many.json"] = list(clusters)
    let judgement = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files)))
    #expect(judgement.findings.count { $0.rule == "cluster/app-registered" } >= 1_500)
  }

  @Test("is limited for differences deep below long keys, which get readable names")
  func longKeys() {
    let key = String(repeating: "k", count: 10_000)
    func nested(_ value: Int) -> JSON {
      var json = JSON.object([:])
      for number in 0..<2_000 { json["n\(number)"] = JSON(value) }
      for _ in 0..<30 { json = [key: json] }
      return json
    }
    let found = Difference.between(nested(1), nested(2), shape: .plain, at: ["spec"])
    #expect(found.count == 2_000)
    #expect(found.allSatisfy { $0.name.utf8.count <= 2_000 })
  }

  @Test("is limited for annotations that name a hundred thousand roles, which get a hundred findings")
  func annotations() {
    let order = (0..<100_000).map { "r\($0)" }.joined(separator: ",")
    let text = cluster("ordered", roles: ["controller", "worker"])
      .replacing(
        #""namespace":"prod"}"#,
        with: #""namespace":"prod","annotations":{"kdops.dev/role-order":"\#(order)"}}"#)
    let judgement = judge(text)
    #expect(judgement.findings.count { $0.object?.name == "ordered" } <= FindingLimit.standard + 2)
  }

  @Test("is limited without losing suggestions of similar names or adding more distant ones")
  func nearMisses() {
    func hint(_ given: String, _ choices: [String]) -> String {
      Hint.oneOf(choices, insteadOf: given, or: "remove it")
    }
    for (given, meant) in [
      ("worke", "worker"), ("workre", "worker"), ("gatewy", "gateway"), ("controlller", "controller"),
      ("kontroler", "controller"),
    ] {
      #expect(
        hint(given, ["worker", "gateway", "controller"]).contains("did you mean `\(meant)`"), "\(given)")
    }
    for given in ["", "w", "xorkex1", "gate", "reworking"] {
      #expect(!hint(given, ["worker", "gateway", "controller"]).contains("did you mean"), "\(given)")
    }
  }
}
