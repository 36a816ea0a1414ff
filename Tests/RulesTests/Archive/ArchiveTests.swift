import Diagnostics
import KubeDirector
import Testing

@testable import Rules

@Suite("Archives")
struct ArchiveTests {
  /// The result must not depend on the files that were read before a rule needs them.
  @Test("give the same result as the files themselves for every rule's examples", arguments: ExampleTests.ids)
  func examples(id: String) throws {
    let rule = try #require(RuleRegistry.description(of: id))
    for example in rule.passing + rule.failing {
      var files = Fixture.files
      for edit in example.before ?? [] { try edit.apply(to: &files) }
      var sides = ChangedFiles(base: files, head: files)
      for edit in example.edits { try edit.apply(to: &sides.head) }
      let expected = sides.judge(from: nil, example)
      #expect(sides.judge(from: MemoryArchive(sides.base), example) == expected, "\(example.title)")
    }
  }

  private static func fleet(_ count: Int = 20) -> [String: String] {
    var files = Fixture.files
    for number in 0..<count {
      files["clusters/fleet/\(number).yaml"] = Fixture.cluster.replacing(
        "name: analytics", with: "name: fleet-a\(number)x")
    }
    return files
  }

  @Test("are read only as needed: for a resized cluster, its file and its app's file")
  func fewFiles() {
    var sides = ChangedFiles(base: Self.fleet(), head: Self.fleet())
    let path = "clusters/fleet/7.yaml"
    sides.head[path] = sides.base[path]?.replacing("members: 3", with: "members: 4")
    let archive = MemoryArchive(sides.base)
    #expect(sides.judge(from: archive) == sides.judge(from: nil))
    #expect(archive.readFiles == [path, Fixture.currentPath])
  }

  @Test("find the users of an app without reading the clusters")
  func users() {
    var sides = ChangedFiles(base: Self.fleet(), head: Self.fleet())
    sides.head[Fixture.currentPath] = sides.base[Fixture.currentPath]?.replacing(
      "spark:1.0.0", with: "spark:1.0.1")
    let archive = MemoryArchive(sides.base)
    let judgement = sides.judge(from: archive)
    #expect(Set(judgement.summary) == ["error app/in-use"])
    #expect(judgement == sides.judge(from: nil))
    #expect(archive.readFiles == [Fixture.currentPath])
  }

  @Test("read the file of the first object if it is duplicated, in any order of files")
  func repeated() {
    for path in ["clusters/0.yaml", "clusters/zzz.yaml"] {
      var sides = ChangedFiles(base: Self.fleet(), head: Self.fleet())
      sides.head[path] = sides.base["clusters/fleet/7.yaml"]
      let judgement = sides.judge(from: MemoryArchive(sides.base))
      #expect(judgement.summary == ["error object/duplicate"])
      #expect(judgement == sides.judge(from: nil))
    }
  }

  @Test("count remaining archived objects and loaded ones once each")
  func counts() {
    var snapshot = Snapshot(MemoryArchive(Self.fleet()), defaultNamespace: "default")
    let whole = ExampleRunner.snapshot(Self.fleet())
    #expect(snapshot.counts == whole.counts)
    #expect(snapshot.references == whole.references)
    snapshot.remove(path: "clusters/fleet/7.yaml")
    #expect(snapshot.counts.clusters == whole.counts.clusters - 1)
    #expect(!snapshot.holds(.cluster("prod", "fleet-a7x")))
    #expect(
      snapshot.clusters(using: Repository.current).count == whole.clusters(using: Repository.current).count
        - 1)
  }

  @Test("give everything if all objects are requested")
  func completed() {
    let files = Self.fleet().merging(["clusters/broken.yaml": "a: ["]) { $1 }
    let request = JudgeRequest(head: Snapshot(MemoryArchive(files), defaultNamespace: "default"))
    var judgement = Judge.judge(request)
    let expected = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files)))
    for index in judgement.findings.indices {
      judgement.findings[index].location = expected.findings[index].location
    }
    #expect(judgement == expected)
  }
}
