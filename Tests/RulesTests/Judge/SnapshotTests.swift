import Diagnostics
import KubeDirector
import Manifests
import Testing

@testable import Rules

@Suite("Snapshots")
struct SnapshotTests {
  private static func file(_ path: String, _ text: String) -> ManifestFile {
    ManifestFile.parse(path: path, bytes: Array(text.utf8))
  }

  @Test("put an object without a namespace into the repository's default namespace")
  func defaultNamespace() {
    let text = Fixture.cluster.replacing("  namespace: prod\n", with: "")
    let snapshot = Snapshot(files: [Self.file("a.yaml", text)], defaultNamespace: "team")
    #expect(snapshot.cluster(.cluster("team", "analytics"))?.metadata.namespace == "team")
  }

  @Test(
    "use the object in the first of two files with the same name, and the second after the first is removed")
  func duplicates() {
    var snapshot = Snapshot()
    snapshot.update(Self.file("b.yaml", Fixture.cluster.replacing("members: 3", with: "members: 7")))
    snapshot.update(Self.file("a.yaml", Fixture.cluster))
    let reference = Repository.analytics
    #expect(snapshot.cluster(reference)?.spec.role("worker")?.members == 3)
    #expect(Judge.judge(JudgeRequest(head: snapshot)).outcome(reference) == "create rejected")
    let changes = snapshot.remove(path: "a.yaml")
    #expect(changes.objects == [reference])
    #expect(snapshot.cluster(reference)?.spec.role("worker")?.members == 7)
    snapshot.remove(path: "b.yaml")
    #expect(!snapshot.holds(reference) && snapshot.references.isEmpty)
  }

  @Test("treat files with canonically equivalent names as two files")
  func equivalentNames() {
    var snapshot = Snapshot()
    let (composed, decomposed) = ("clusters/caf\u{E9}.yaml", "clusters/cafe\u{301}.yaml")
    snapshot.update(Self.file(composed, Fixture.cluster))
    let other = Fixture.cluster.replacing("name: analytics", with: "name: ledger")
    let changes = snapshot.update(Self.file(decomposed, other))
    #expect(changes.objects == [.cluster("prod", "ledger")])
    #expect(snapshot.holds(Repository.analytics) && snapshot.holds(.cluster("prod", "ledger")))
    #expect(snapshot.paths.count == 2)
    #expect(snapshot.remove(path: composed).objects == [Repository.analytics])
    #expect(snapshot.holds(.cluster("prod", "ledger")))
  }

  @Test("treat objects with canonically equivalent names as two objects")
  func equivalentObjects() {
    func named(_ name: String) -> String {
      Fixture.cluster.replacing("name: analytics", with: "name: \(name)")
    }
    let snapshot = Snapshot(files: [
      Self.file("a.yaml", named("caf\u{E9}")), Self.file("b.yaml", named("cafe\u{301}")),
    ])
    #expect(snapshot.references.count == 2)
    #expect(snapshot.cluster(.cluster("prod", "cafe\u{301}"))?.source?.path == "b.yaml")
  }

  @Test("count values of existing files, loaded or not")
  func values() {
    var snapshot = Snapshot()
    #expect(snapshot.valueCount == 0)
    snapshot.update(Self.file("a.json", #"{"kind": "Secret", "data": [1, 2, 3]}"#))
    #expect(snapshot.valueCount == 5, "one finding")
    snapshot.remove(path: "a.json")
    snapshot.update(Self.file("b.yaml", Fixture.cluster))
    let count = snapshot.valueCount
    #expect(count > 10)
    snapshot.update(Self.file("b.yaml", Fixture.cluster))
    #expect(snapshot.valueCount == count)
    var unread = Snapshot(MemoryArchive(["b.yaml": Fixture.cluster]), defaultNamespace: "default")
    #expect(unread.valueCount == count)
    unread.update(
      Self.file("b.yaml", Fixture.cluster.replacing("members: 3", with: "members: 3\n      x: [3, 4]")))
    #expect(unread.valueCount == count + 3 + 5)
    unread.remove(path: "b.yaml")
    #expect(unread.valueCount == 0)
  }

  @Test("do not report an old duplicate name until one of its files changes")
  func oldDuplicates() throws {
    let base = try Repository().with(.add("clusters/copy.yaml", Fixture.cluster))
    #expect(Repository.judge(base, base).findings.isEmpty)
    let head = try base.with(.cluster("members: 3", "members: 4"))
    #expect(Repository.judge(base, head).outcome(Repository.analytics) == "resize rejected")
    let third = try base.with(.add("clusters/another.yaml", Fixture.cluster))
    #expect(Set(Repository.judge(base, third).summary) == ["error object/duplicate"])
  }

  @Test("treat clusters numbered like pods as rivals of a cluster with such pods, but not of each other")
  func numberedClusters() throws {
    var snapshot = Repository().snapshot
    func add(_ name: String) {
      snapshot.update(
        Self.file(
          "clusters/\(name).yaml", Fixture.cluster.replacing("name: analytics", with: "name: \(name)")))
    }
    for number in 0..<20 { add("fleet-\(number)") }
    add("analytics-worker-0")
    func rivals(_ name: String) throws -> [String] {
      let cluster = try #require(snapshot.clusters[.cluster("prod", name)])
      let claims = ClusterIndex.claims(of: cluster).flatMap(\.opposites)
      let found = Set(claims.flatMap { snapshot.clusters(claiming: $0) }.map(\.name)).subtracting([name])
      #expect(snapshot.mayHaveRivals(cluster) == !found.isEmpty)
      return found.sorted()
    }
    #expect(try rivals("fleet-7") == [])
    #expect(try rivals("analytics") == ["analytics-worker-0"])
    #expect(try rivals("analytics-worker-0") == ["analytics"])
    snapshot.remove(path: "clusters/analytics-worker-0.yaml")
    #expect(try rivals("analytics") == [])
  }

  @Test("do not accept a duplicate app as the target of an upgrade")
  func duplicateApp() throws {
    let head = try Repository().upgraded.with(.add("apps/copy.json", Fixture.candidate))
    let judgement = Repository.judge(Repository(), head)
    #expect(Set(judgement.summary) == ["error object/duplicate", "error upgrade/registered"])
  }

  @Test("find the clusters of an app by its name, in its namespace or the system's")
  func usersOfApp() throws {
    let elsewhere = Fixture.cluster.replacing("namespace: prod", with: "namespace: staging")
    let snapshot = try Repository().with(.add("clusters/staging.yaml", elsewhere)).snapshot
    #expect(snapshot.clusters(using: Repository.current) == [Repository.analytics])
    #expect(snapshot.clusters(using: .app("kdops-system", "spark-1.0.0")).count == 2)
    #expect(snapshot.clusters(using: Repository.candidate).isEmpty)
  }

  @Test("report a name that is used twice in one file at the second place")
  func duplicateInOneFile() throws {
    let text = Fixture.cluster + "---\n" + Fixture.cluster
    let snapshot = Snapshot(files: [Self.file("a.yaml", text)], contents: { _ in Array(text.utf8) })
    let findings = Judge.judge(JudgeRequest(head: snapshot)).findings.filter { $0.rule == "object/duplicate" }
    #expect(findings.map { $0.location?.line } == [22])
  }

  @Test("give an object of a List its place inside the List")
  func list() throws {
    let item = Fixture.cluster.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
    let text = "apiVersion: v1\nkind: List\nitems:\n  -\n\(item)\n".replacing(
      "members: 3", with: "members: 0")
    let files = ["clusters/list.yaml": text, Fixture.currentPath: Fixture.current]
    let judgement = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files)))
    #expect(judgement.summary == ["error cluster/members"])
    #expect(judgement.findings.first?.location?.line == 18)
  }

  @Test("judge an object that fails its schema by no other rule, and do not hide other objects")
  func unsound() throws {
    let head = try Repository().with(
      .cluster("members: 3", "members: three", also: ["app: spark-1.0.0": "app: spark-9"]),
      .candidate(#""version": "1.1.0""#, #""version": "1.1""#))
    #expect(Repository.judge(nil, head).summary == ["error app/semver", "error cluster/schema"])
  }

  /// After any order of changes, an updated snapshot equals a new one.
  @Test(
    "are the same when updated file by file as when created anew", arguments: 1...20 as ClosedRange<UInt64>)
  func incremental(seed: UInt64) {
    var random = SplitMix(state: seed)
    var texts: [String: String] = [:]
    var kept = Snapshot()
    for _ in 0..<60 {
      let path = "clusters/\(Int.random(in: 0..<6, using: &random)).yaml"
      if Int.random(in: 0..<4, using: &random) == 0 {
        texts[path] = nil
        kept.remove(path: path)
        continue
      }
      let names = ["analytics", "analytics-worker-0", "analytics-worker-1", "a.b", "a-b", "ledger"]
      var text = Fixture.cluster.replacing(
        "name: analytics", with: "name: \(names.randomElement(using: &random) ?? "x")")
      if Bool.random(using: &random) { text = text.replacing("spark-1.0.0", with: "spark-1.1.0") }
      if Bool.random(using: &random) { text = text.replacing("members: 3", with: "members: 0") }
      texts[path] = text
      kept.update(Self.file(path, text))
    }
    texts[Fixture.currentPath] = Fixture.current
    kept.update(Self.file(Fixture.currentPath, Fixture.current))
    let final = texts
    kept.contents = { final[$0].map { Array($0.utf8) } }
    let anew = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(texts)))
    #expect(Judge.judge(JudgeRequest(head: kept)) == anew, "seed \(seed)")
    let current = Repository.current
    let users = kept.index.users(of: current, systemNamespace: "kdops-system")
    #expect(users == ExampleRunner.snapshot(texts).index.users(of: current, systemNamespace: "kdops-system"))
  }
}

/// A small generator whose numbers depend only on its seed (Steele, Lea and Flood, 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
