import Diagnostics
import GitStore
import TestSupport
import Testing
import Values

@testable import Validation

@Suite("Validation of hostile repositories", .timeLimit(.minutes(5)))
struct HostileRepositoryTests {
  private let repository: TemporaryRepository
  private let base: String

  init() throws {
    repository = try TemporaryRepository()
    base = try repository.commit(
      [
        "apps/spark-1.0.0.json": SmallFleet.app("1.0.0"), "apps/spark-1.1.0.json": SmallFleet.app("1.1.0"),
        "clusters/prod/analytics.yaml": SmallFleet.analytics("1.0.0"),
      ], "Begin")
  }

  private func validate(
    _ target: Validation.Target, path: String = "", statusRef: String? = nil
  ) async throws -> Validation {
    try await Validation.run(
      target, path: repository.path + path, statusRef: statusRef, environment: [:], now: 1_704_070_000)
  }

  private func places(_ validation: Validation) -> [String] {
    validation.report.findings.map { "\($0.rule) \($0.location?.file ?? "")" }
  }

  @Test("a file that is too large is a finding, from git and from a folder")
  func largeFile() async throws {
    try repository.commit(["clusters/big.yaml": String(repeating: "#", count: 2 << 20)])
    let committed = try await validate(.commits(base: base, head: "HEAD"))
    #expect(places(committed) == ["file/limit clusters/big.yaml"])
    #expect(committed.report.findings[0].message.hasPrefix("the file has 2097152 bytes"))
    #expect(places(try await validate(.workTree)) == ["file/limit clusters/big.yaml"])
    try repository.write(["clusters/more.yaml": String(repeating: "#", count: 2 << 20)])
    try repository.git("add", "--all")
    #expect(places(try await validate(.staged)).contains("file/limit clusters/more.yaml"))
  }

  @Test("files with too many values in total are a finding, from git, the index and a folder")
  func manyValues() async throws {
    let values = String(repeating: "1,", count: 99_900) + "1"
    let app = SmallFleet.app("1.0.0")
    func heavy(_ numbers: Range<Int>) -> [String: String?] {
      var files: [String: String?] = [:]
      for number in numbers {
        files["apps/heavy-\(number).json"] = app.replacing("spark-1.0.0", with: "heavy-\(number)")
          .replacing(#""spec": {"#, with: #""spec": {"values": [\#(values)],"#)
      }
      return files
    }
    try repository.commit(heavy(0..<20))
    let within = try await validate(.commits(base: base, head: "HEAD"))
    #expect(within.report.count(.error) == 0 && within.apps == 22)

    try repository.write(heavy(20..<21))
    #expect(places(try await validate(.workTree)) == ["file/limit "])
    try repository.git("add", "--all")
    // The number of values in unchanged files is known without reading them again.
    for _ in 0..<2 { #expect(places(try await validate(.staged)) == ["file/limit "]) }
    try repository.git("commit", "-m", "More")
    let beyond = try await validate(.commits(base: base, head: "HEAD"))
    #expect(places(beyond) == ["file/limit "])
    #expect(beyond.report.findings[0].message.hasPrefix("the files have more than 2000000 values together"))
  }

  @Test("a small file stored as a delta of a huge one is a finding")
  func hugeBase() async throws {
    let (small, _) = try repository.delta(againstZeros: 34 << 20, content: "x: 1")
    let folder = try repository.git("mktree", input: "100644 blob \(small)\tsmall.yaml\n")
    let head = try repository.commit(folder: "clusters", folder)
    let validation = try await validate(.commits(base: base, head: head))
    #expect(places(validation).contains("file/limit clusters/small.yaml"))
  }

  @Test("an image folder that a node could not use is a finding, and the rest is validated")
  func imageFolders() async throws {
    let start = try repository.commit([
      ".kdops.yaml": "embedded: {images: [{image: a, rootfs: images}, {image: b, rootfs: none}]}\n",
      "images/srv/x": "1",
    ])
    #expect(places(try await validate(.commits(base: base, head: start))).isEmpty)

    let bomb = try repository.commit(folder: "images", try repository.bomb())
    let exploded = try await validate(.commits(base: start, head: bomb))
    let found = places(exploded)
    #expect(found.count == 1 && found[0].hasPrefix("file/limit images/0/0"), "\(found)")
    #expect(exploded.judgement != nil && exploded.clusters == 1)

    try repository.git("rm", "--quiet", "-r", "--cached", "images")
    try repository.git("update-index", "--add", "--cacheinfo", "160000,\(start),images")
    try repository.git("commit", "--quiet", "--message", "Submodule")
    let linked = try await validate(.commits(base: start, head: "HEAD"))
    #expect(places(linked) == ["file/tree images"])
    #expect(linked.report.findings[0].message == "images is a submodule, which is never read")
  }

  @Test("images that are too large in total are a finding")
  func largeImages() async throws {
    let (_, zeros) = try repository.delta(againstZeros: 33 << 20, content: "x")
    try repository.commit([
      ".kdops.yaml": "embedded: {images: [{image: a, rootfs: images}, {image: b, rootfs: images}]}\n"
    ])
    let one = try repository.git("mktree", input: "100644 blob \(zeros)\ta\n")
    let shared = try repository.commit(folder: "images", one)
    #expect(places(try await validate(.commits(base: base, head: shared))).isEmpty, "a folder counts once")
    let two = try repository.git("mktree", input: "100644 blob \(zeros)\ta\n100644 blob \(zeros)\tb\n")
    let head = try repository.commit(folder: "images", two)
    #expect(places(try await validate(.commits(base: base, head: head))) == ["file/limit images/b"])
  }

  @Test("status files have a common limit, and a single one can still be read")
  func largeStatus() async throws {
    let file = Self.status + String(repeating: "#", count: 60_000)
    #expect(try await status(300, file).clusters().count == 300)
    try await mustBeTooLarge(try await status(400, file))
  }

  @Test("status files have a common limit for roles, which take more memory than text")
  func manyRoles() async throws {
    let file = Self.status + "roles:\n" + String(repeating: "- id: a\n", count: 250)
    #expect(try await status(800, file).clusters().count == 800)
    try await mustBeTooLarge(try await status(801, file))
  }

  @Test("the number of status files that are read together has a limit")
  func manyStatusFiles() async throws {
    try await mustBeTooLarge(try await status(20_001, Self.status))
  }

  private static let status = "schemaVersion: 1\nstate: configured\napp: a\n"

  /// A status of clusters that all have the same file.
  private func status(_ count: Int, _ file: String) async throws -> GitStatus {
    let blob = try repository.git("hash-object", "-w", "--stdin", input: file)
    let folder = try repository.git(
      "mktree", input: (0..<count).map { "100644 blob \(blob)\tc\($0).yaml\n" }.joined())
    let tree = try repository.git("mktree", input: "040000 tree \(folder)\tns\n")
    let commit = try repository.git("commit-tree", tree, "-m", "Status")
    try repository.git("update-ref", "refs/kdops/status", commit)
    let git = try await GitRepository.open(path: repository.path)
    return try #require(try await GitStatus.find(in: git, now: 1_704_070_000).status)
  }

  private func mustBeTooLarge(_ status: GitStatus) async throws {
    let error = await #expect(throws: GitError.self) { try await status.clusters() }
    let hint = error?.hint ?? ""
    #expect(error?.kind == .tooLarge && hint.hasPrefix("name one cluster: kdops status NAMESPACE/NAME"))
    #expect(try await status.clusters(in: "n").isEmpty, "files of other namespaces are not read")
    #expect(try await status.cluster(namespace: "ns", name: "c399")?.app == "a")
    #expect(try await status.cluster(namespace: "ns", name: "c-1") == nil)
  }

  @Test("a .kdops.yaml that is too large is a finding, and nothing is validated")
  func largeLayout() async throws {
    try repository.commit([".kdops.yaml": String(repeating: "#", count: 2 << 20)])
    let validation = try await validate(.commits(base: base, head: "HEAD"))
    #expect(places(validation) == ["file/limit .kdops.yaml"])
    #expect(validation.judgement == nil)
  }

  @Test("a tree bomb is a finding with its path, whichever part was requested")
  func treeBomb() async throws {
    let bomb = try repository.commit(folder: "clusters", try repository.bomb())
    for path in ["", "/apps"] {
      let found = places(try await validate(.commits(base: base, head: bomb), path: path))
      #expect(found.count == 1 && found[0].hasPrefix("file/limit clusters/0/0"), "\(found)")
    }
    let pushed = try await validate(
      .update(from: ObjectID(hex: base), to: try #require(ObjectID(hex: bomb))))
    #expect(pushed.report.count(.error) == 1)
  }

  @Test("the commit that removes a tree bomb is validated as if it were the first")
  func reverted() async throws {
    let bomb = try repository.commit(folder: "clusters", try repository.bomb())
    let reverted = try repository.git("commit-tree", "\(base)^{tree}", "-p", bomb, "-m", "Revert")
    let validation = try await validate(
      .update(from: ObjectID(hex: bomb), to: try #require(ObjectID(hex: reverted))))
    #expect(validation.report.findings.isEmpty && validation.clusters == 1)
  }

  @Test("a folder with a duplicate name is a finding with its path")
  func twofold() async throws {
    let head = try repository.commit(folder: "clusters", try repository.twofold())
    let validation = try await validate(.commits(base: base, head: head))
    #expect(places(validation) == ["file/tree clusters"])
  }

  @Test("thousands of links and of invalid files in one folder have their lines, each in constant time")
  func manyFindings() async throws {
    let blob = try repository.git("hash-object", "-w", "--stdin", input: "kind: Wrong\n")
    let links = (0..<3_000).map { "120000 blob \(blob)\tl\($0).yaml\n" }
    let files = (0..<2_000).map { "100644 blob \(blob)\tf\($0).yaml\n" }
    let tree = try repository.git("mktree", input: (files + links).joined())
    let head = try repository.commit(folder: "clusters", tree)
    let validation = try await validate(.commits(base: base, head: head))
    #expect(validation.report.findings.count { $0.rule == "file/link" } == 3_000)
    for number in 0..<2_000 {
      #expect(validation.line(1, of: "clusters/l\(number).yaml") == nil)
      #expect(validation.line(1, of: "clusters/f\(number).yaml") == "kind: Wrong")
    }
    let text = ReportFormat.human.render(validation, version: "1")
    #expect(text.contains("the report has 4000 more findings, which are not shown"))
    #expect(text.contains("3000 errors, 2000 warnings"))
  }

  @Test("an earlier app that is not found within the limits of history is a warning")
  func historyLimit() async throws {
    try repository.commit(["clusters/prod/analytics.yaml": SmallFleet.analytics("1.1.0")])
    let tree = try repository.head("HEAD:clusters")
    let near = try repository.head()
    let rollback = [SmallFleet.cluster: SmallFleet.analytics("1.0.0")]
    let revert = try repository.commit(rollback.mapValues { $0 })
    let found = try await validate(.commits(base: near, head: revert))
    #expect(found.judgement?.transitions.values.map(\.isByHistory) == [true])
    try repository.git("reset", "--quiet", "--hard", near)
    // Each comparison with these folders reads about 30 MB.
    let heavy = try ["a", "b"].map { try repository.heavy(15 << 20, letter: $0) }
    for number in 0..<10 { try repository.commit(folder: "clusters", heavy[number % 2]) }
    let far = try repository.commit(folder: "clusters", tree)
    let late = try repository.commit(rollback.mapValues { $0 })
    let cut = try await validate(.commits(base: far, head: late))
    #expect(cut.judgement?.transitions.values.map(\.isByHistory) == [false])
    let warning = cut.report.findings.first { $0.rule == "file/limit" }
    #expect(warning?.severity == .warning && warning?.object == .cluster("prod", "analytics"))
    #expect(warning?.location?.file == SmallFleet.cluster)
    #expect(warning?.message.contains("prod/analytics had before is unknown") == true)
    #expect(warning?.hint?.contains("refs/kdops/status") == true)
  }

  @Test("a status ref to a file is a warning, and validation continues without it")
  func statusRef() async throws {
    let blob = try repository.git("hash-object", "-w", "--stdin", input: "x")
    try repository.git("update-ref", "refs/kdops/status", blob)
    let head = try repository.commit(["README.md": "x"])
    let validation = try await validate(.commits(base: base, head: head))
    #expect(validation.report.count(.error) == 0)
    let lines = StatusWords.lines(validation)
    let words = "refs/kdops/status is not a readable status"
    #expect(lines.first?.hasPrefix("warning: \(words)") == true)
    let problems = ReportJSON.json(validation.report)["status"]?["problems"]?.array ?? []
    #expect(problems.count == 1 && problems[0].string?.hasPrefix(words) == true)
  }

  @Test("foreign content of the status tree blocks nothing", arguments: [true, false])
  func statusTree(isBomb: Bool) async throws {
    let tree = isBomb ? try repository.bomb() : try repository.twofold()
    let root = isBomb ? tree : try repository.git("mktree", input: "040000 tree \(tree)\tprod\n")
    let status = try repository.git("commit-tree", root, "-m", "status")
    try repository.git("update-ref", "refs/kdops/status", status)
    let head = try repository.commit(["clusters/prod/analytics.yaml": SmallFleet.analytics("1.1.0")])
    let validation = try await validate(.commits(base: base, head: head))
    #expect(validation.report.count(.error) == 0)
    #expect(validation.statusProblems.count == (isBomb ? 0 : 1))
  }
}
