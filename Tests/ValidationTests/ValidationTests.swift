import Diagnostics
import FoundationEssentials
import Glibc
import Reports
import TestSupport
import Testing
import Values

@testable import Validation

@Suite("Validation")
struct ValidationTests {
  private typealias Files = SmallFleet

  private let repository: TemporaryRepository
  private let now: Int64 = 1_704_070_000

  init() throws {
    repository = try TemporaryRepository()
    try repository.commit(
      [
        "apps/spark-1.0.0.json": Files.app("1.0.0"), "apps/spark-1.1.0.json": Files.app("1.1.0"),
        "clusters/prod/analytics.yaml": Files.analytics("1.0.0"),
        "clusters/prod/lake.yaml": Files.analytics("1.0.0", name: "lake"),
      ], "Begin")
  }

  private func validate(
    _ target: Validation.Target, path: String = "", statusRef: String? = nil
  ) async throws -> Validation {
    try await Validation.run(
      target, path: repository.path + path, statusRef: statusRef, environment: [:], now: now)
  }

  private func verdicts(_ validation: Validation) -> [String] {
    validation.report.objects.filter { $0.verdict != .unchanged }
      .map { "\($0.object) \($0.change) \($0.verdict)" }
  }

  @Test("of a tree reads every file from disk")
  func tree() async throws {
    try repository.write(["clusters/prod/analytics.yaml": Files.analytics("9.9.9")])
    let validation = try await validate(.workTree)
    #expect(validation.report.head == "worktree")
    #expect(validation.report.base == nil)
    #expect(validation.report.findings.map(\.rule) == ["cluster/app-registered"])
    #expect((validation.clusters, validation.apps) == (2, 2))
    #expect(validation.selectedFiles == 4)
    #expect(try await validate(.workTree, path: "/clusters/prod/lake.yaml").selectedFiles == 1)
    #expect(try await validate(.workTree, path: "/.git").selectedFiles == 0)
    #expect(try await validate(.commits(base: "HEAD", head: "HEAD")).selectedFiles == nil)
  }

  /// Swift treats the two as equal; git, the file system and Kubernetes do not.
  private static let composed = "clusters/caf\u{E9}.yaml"
  private static let decomposed = "clusters/cafe\u{301}.yaml"

  @Test(
    "a new file whose name is canonically equivalent to another is a new cluster, and none is deleted")
  func equivalentNames() async throws {
    try repository.commit([Self.composed: Files.analytics("1.0.0", name: "one")])
    try repository.write([Self.decomposed: Files.analytics("1.0.0", name: "two")])
    try repository.git("add", "--all")
    #expect(try await verdicts(validate(.staged)) == ["prod/two create accepted"])
    try repository.git("commit", "--quiet", "--message", "Second")
    #expect(
      try await verdicts(validate(.commits(base: "HEAD~1", head: "HEAD"))) == ["prod/two create accepted"])
    #expect(try await validate(.workTree).clusters == 4)
    try repository.commit([Self.composed: nil])
    let validation = try await validate(.commits(base: "HEAD~1", head: "HEAD"))
    #expect(validation.report.objects.filter { $0.change == .delete }.map(\.object.name) == ["one"])
  }

  @Test("a file or folder whose name begins with a combining mark can be requested")
  func combiningMark() async throws {
    try repository.write([
      "clusters/\u{301}x.yaml": Files.analytics("9.9.9", name: "one"),
      "clusters/\u{301}y/z.yaml": Files.analytics("9.9.9", name: "two"),
    ])
    for path in ["/clusters/\u{301}x.yaml", "/clusters/\u{301}y"] {
      #expect(
        try await validate(.workTree, path: path).report.findings.map(\.rule) == ["cluster/app-registered"])
    }
  }

  @Test("a finding shows the line of its own file, not of one with an equivalent name")
  func equivalentNamesShown() async throws {
    try repository.commit([Self.composed: "# the other file\n\n\n" + Files.analytics("1.0.0", name: "one")])
    try repository.write([Self.decomposed: Files.analytics("9.9.9", name: "two")])
    let validation = try await validate(.workTree)
    #expect(
      validation.report.findings.compactMap(\.location).map { Array($0.file.utf8) } == [
        Array(Self.decomposed.utf8)
      ])
    #expect(ValidationText.render(validation, coloured: false).contains("app: spark-9.9.9"))
  }

  @Test(
    "of a single-line file with eight hundred invalid objects is printed quickly", .timeLimit(.minutes(5)))
  func minified() async throws {
    let bad = (0..<800).map {
      #"{"apiVersion":"kubedirector.hpe.com/v1beta1","kind":"KubeDirectorCluster","#
        + #""metadata":{"name":"c\#($0)","namespace":"prod"},"spec":{"app":1,"roles":[{"id":"x","members":"many"}]}}"#
    }
    let text = #"{"apiVersion":"v1","kind":"List","items":[\#(bad.joined(separator: ","))]}"#
    try repository.write(["clusters/bad.json": text])
    let validation = try await validate(.workTree)
    #expect(validation.report.objects.count { $0.verdict == .rejected } == 800)
    let shown = ValidationText.render(validation, coloured: false)
    #expect(shown.contains("clusters/bad.json has "))
    #expect(shown.utf8.count < 1 << 17)
    for format in ReportFormat.allCases { #expect(!format.render(validation, version: "1.0.0").isEmpty) }
  }

  @Test("outside a repository validates a plain folder")
  func folder() async throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/clusters", withIntermediateDirectories: true)
    try Data(Files.analytics("1.0.0", name: "a").utf8).write(
      to: URL(filePath: "\(folder.path)/clusters/a.yml"))
    let validation = try await Validation.run(.workTree, path: folder.path, environment: [:], now: now)
    #expect(validation.report.findings.first?.location?.file == "clusters/a.yml")
  }

  @Test("of staged changes reads the index, not the work tree, and lists only what changed")
  func staged() async throws {
    try repository.write(["clusters/prod/analytics.yaml": Files.analytics("1.1.0")])
    try repository.git("add", "--all")
    try repository.write(["clusters/prod/analytics.yaml": "broken: ["])
    let validation = try await validate(.staged)
    #expect(validation.report.head == "staged")
    #expect(verdicts(validation) == ["prod/analytics upgrade accepted"])
    #expect(validation.report.notJudged.contains("upgrade/configured"))
  }

  @Test("before the first commit treats staged files as new")
  func unborn() async throws {
    let empty = try TemporaryRepository()
    try empty.write(["apps/a.json": Files.app("1.0.0")])
    try empty.git("add", "--all")
    let validation = try await Validation.run(.staged, path: empty.path, environment: [:], now: now)
    #expect(validation.report.base == nil)
    #expect(verdicts(validation) == ["prod/spark-1.0.0 create accepted"])
  }

  @Test("between two commits names the object, the rule and the line")
  func commits() async throws {
    try repository.commit(
      ["clusters/prod/analytics.yaml": Files.analytics("1.1.0", members: 4)], "Too much at once")
    let validation = try await validate(.commits(base: "HEAD~1", head: "HEAD"))
    #expect(verdicts(validation) == ["prod/analytics upgrade rejected"])
    let finding = try #require(validation.report.findings.first)
    #expect(finding.rule == "upgrade/only-app")
    #expect(finding.location?.file == "clusters/prod/analytics.yaml")
    let text = ValidationText.render(validation, coloured: false)
    #expect(text.contains("error[upgrade/only-app] clusters/prod/analytics.yaml:"))
    #expect(text.contains("^"))
    #expect(text.hasSuffix("2 clusters, 2 apps: 1 error\n") || text.contains("2 clusters, 2 apps: 1 error\n"))
  }

  @Test("of a branch ignores newer commits of its base")
  func diverged() async throws {
    try repository.git("switch", "--quiet", "--create", "topic")
    try repository.commit(
      ["clusters/prod/lake.yaml": Files.analytics("1.0.0", members: 5, name: "lake")], "More members")
    try repository.git("switch", "--quiet", "main")
    try repository.commit(["clusters/prod/analytics.yaml": Files.analytics("1.1.0")], "Upgrade")
    let validation = try await validate(.commits(base: "main", head: "topic"))
    #expect(verdicts(validation) == ["prod/lake resize accepted"])
  }

  @Test("never blocks a revert: without a status a change to an earlier app is a rollback")
  func revert() async throws {
    try repository.commit(["clusters/prod/analytics.yaml": Files.analytics("1.1.0")], "Upgrade")
    try repository.git("revert", "--no-edit", "HEAD")
    let validation = try await validate(.commits(base: "HEAD~1", head: "HEAD"))
    #expect(verdicts(validation) == ["prod/analytics rollback accepted"])
    #expect(validation.report.count(.error) == 0)
  }

  @Test("with a status in git names its commit, and reports a change of a busy cluster as waiting")
  func status() async throws {
    let file = """
      schemaVersion: 1
      commit: \(try repository.head())
      state: updating
      app: spark-1.0.0
      roles:
        - {id: worker, members: 3}
      """
    let blob = try repository.git("hash-object", "-w", "--stdin", input: file)
    let folder = try repository.git("mktree", input: "100644 blob \(blob)\tanalytics.yaml\n")
    let tree = try repository.git("mktree", input: "040000 tree \(folder)\tprod\n")
    let commit = try repository.git("commit-tree", tree, "-m", "status")
    try repository.git("update-ref", "refs/kdops/status", commit)
    try repository.commit(
      ["clusters/prod/analytics.yaml": Files.analytics("1.0.0", members: 5)], "Resize")
    let validation = try await validate(.commits(base: "HEAD~1", head: "HEAD"))
    #expect(validation.report.status == .init(source: .tree, commit: commit))
    #expect(verdicts(validation) == ["prod/analytics resize waiting"])
    #expect(validation.report.findings.map(\.severity) == [.waiting])
    #expect(ValidationText.render(validation, coloured: false).contains("(status \(commit.prefix(7)))"))
  }

  @Test("with a forged or malformed status tree gives a result, and never crashes")
  func forged() async throws {
    for text in [
      "schemaVersion: 1\nstate: configured\nroles: [{id: worker, members: 999999999999}]", "{", "&a [*a]",
    ] {
      let blob = try repository.git("hash-object", "-w", "--stdin", input: text)
      let folder = try repository.git("mktree", input: "100644 blob \(blob)\tanalytics.yaml\n")
      let tree = try repository.git("mktree", input: "040000 tree \(folder)\tprod\n")
      try repository.git(
        "update-ref", "refs/kdops/status", try repository.git("commit-tree", tree, "-m", "x"))
      _ = try await validate(.commits(base: "HEAD", head: "HEAD"))
    }
  }

  @Test("of one folder or file omits findings elsewhere")
  func below() async throws {
    try repository.write(
      ["clusters/prod/analytics.yaml": "broken: [", "clusters/staging/x.yaml": "broken: ["])
    let folder = try await validate(.workTree, path: "/clusters/staging")
    #expect(Set(folder.report.findings.compactMap(\.location?.file)) == ["clusters/staging/x.yaml"])
    let file = try await validate(.workTree, path: "/clusters/prod/analytics.yaml")
    #expect(Set(file.report.findings.compactMap(\.location?.file)) == ["clusters/prod/analytics.yaml"])
  }

  @Test("with an invalid .kdops.yaml reports that, and nothing about the rest")
  func layout() async throws {
    try repository.commit([".kdops.yaml": "clusters: 7\n"], "Break the layout")
    let validation = try await validate(.commits(base: "HEAD~1", head: "HEAD"))
    #expect(validation.report.findings.map(\.rule) == ["layout/schema"])
    #expect(validation.report.objects.isEmpty)
  }

  /// Globs that cannot be parsed.
  private static let badGlobs = ["clusters/[", Array(repeating: "x", count: 65).joined(separator: "/")]

  @Test("with a glob that cannot be parsed reports its place", arguments: badGlobs)
  func badGlob(glob: String) async throws {
    try repository.write([".kdops.yaml": "schemaVersion: 1\nclusters: [\"\(glob)\"]\n"])
    try repository.git("add", "--all")
    var validations = [try await validate(.workTree), try await validate(.staged)]
    try repository.git("commit", "--quiet", "--message", "Break the layout")
    validations.append(try await validate(.commits(base: "HEAD~1", head: "HEAD")))
    for validation in validations {
      #expect(validation.report.findings.map(\.rule) == ["layout/schema"])
      let place = validation.report.findings.first?.location
      #expect(place?.file == ".kdops.yaml" && place?.line == 2 && place?.column == 12)
      #expect(validation.judgement == nil)
    }
  }

  @Test("of a commit that corrects a glob is not prevented by the base", arguments: badGlobs)
  func correctedGlob(glob: String) async throws {
    let bad = try repository.commit([".kdops.yaml": "clusters: [\"\(glob)\"]\n"], "Break the layout")
    try repository.write([".kdops.yaml": "clusters: [\"clusters/**\"]\n"])
    try repository.git("add", "--all")
    #expect(try await validate(.staged).report.count(.error) == 0)
    try repository.git("commit", "--quiet", "--message", "Correct the layout")
    let validation = try await validate(.commits(base: bad, head: "HEAD"))
    #expect(validation.report.count(.error) == 0 && validation.judgement != nil)
  }

  @Test("of a .kdops.yaml that is a symbolic link is the same from git, the index and a folder")
  func linkedLayout() async throws {
    try repository.commit(["layout.yaml": "clusters: [\"clusters/**\"]\n"])
    try FileManager.default.createSymbolicLink(
      atPath: repository.path + "/.kdops.yaml", withDestinationPath: "layout.yaml")
    try repository.git("add", "--all")
    var validations = [try await validate(.workTree), try await validate(.staged)]
    try repository.git("commit", "--quiet", "--message", "Link the layout")
    validations.append(try await validate(.commits(base: "HEAD~1", head: "HEAD")))
    for validation in validations {
      #expect(validation.report.findings.map(\.rule) == ["file/link"])
      #expect(validation.report.findings == validations.last?.report.findings)
      #expect(validation.judgement == nil)
    }
  }

  @Test("of a folder whose own .kdops.yaml is a symbolic link reports that")
  func linkedLayoutOfFolder() async throws {
    try repository.write(["demo/clusters/x.yaml": "kind: [\n"])
    try FileManager.default.createSymbolicLink(
      atPath: repository.path + "/demo/.kdops.yaml", withDestinationPath: "../.kdops.yaml")
    let validation = try await validate(.workTree, path: "/demo")
    #expect(validation.report.findings.map(\.rule) == ["file/link"])
    #expect(validation.report.findings.first?.location?.file == "demo/.kdops.yaml")
  }

  @Test("with changed globs compares by object, so that moved objects do not count as deleted")
  func moved() async throws {
    try repository.git("mv", "clusters", "fleet")
    try repository.commit([".kdops.yaml": "clusters: [\"fleet/**\"]\n"], "Move")
    #expect(verdicts(try await validate(.commits(base: "HEAD~1", head: "HEAD"))).isEmpty)
  }

  @Test("a symbolic link in place of a file is a finding")
  func link() async throws {
    try repository.git("rm", "--quiet", "clusters/prod/lake.yaml")
    try FileManager.default.createSymbolicLink(
      atPath: repository.path + "/clusters/prod/lake.yaml", withDestinationPath: "/etc/passwd")
    try repository.git("add", "--all")
    #expect(try await validate(.workTree).report.findings.map(\.rule).contains("file/link"))
    #expect(try await validate(.staged).report.findings.map(\.rule).contains("file/link"))
  }

  @Test("a name that is not UTF-8 is a finding of its own, from git, the index and a folder")
  func encodingOfNames() async throws {
    let path = Array("\(repository.path)/clusters/prod/caf".utf8) + [0xE9] + Array(".yaml".utf8) + [0]
    let descriptor = open(path.map { CChar(bitPattern: $0) }, O_CREAT | O_WRONLY | O_CLOEXEC, 0o644)
    try #require(descriptor >= 0)
    close(descriptor)
    try repository.git("add", "--all")
    for target in [Validation.Target.workTree, .staged] {
      let finding = try #require(try await validate(target).report.findings.first)
      #expect(finding.rule == "file/encoding")
      #expect(finding.location?.file == "clusters/prod/caf\\351.yaml")
      #expect(finding.message.contains("has a name that is not UTF-8"))
    }
    try repository.git("commit", "-m", "Add a file")
    let committed = try await validate(.commits(base: "HEAD~1", head: "HEAD"))
    #expect(committed.report.findings.map(\.rule) == ["file/encoding"])
  }

  @Test("of a missing path is an error")
  func missing() async throws {
    await #expect(throws: (any Error).self) { try await validate(.workTree, path: "/nowhere") }
    await #expect(throws: (any Error).self) { try await validate(.commits(base: "nothing", head: "HEAD")) }
  }
}
