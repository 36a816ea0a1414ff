import Diagnostics
import FoundationEssentials
import TestSupport
import Testing

@testable import DesiredState
@testable import Validation

@Suite("The validation cache")
struct ValidationCacheTests {
  /// A second run without the cache must print exactly the same.
  @Test("never changes the report, whatever is edited", arguments: [1, 2, 3, 4] as [UInt64])
  func sameReports(seed: UInt64) async throws {
    var edits = RandomEdits(seed: seed)
    let repository = try TemporaryRepository()
    try repository.commit(edits.first())
    var commits = [try repository.head()]
    var remembered = 0
    for step in 0..<40 {
      if edits.isChosen(1, of: 12) { try Self.forget(repository) }
      if edits.isChosen(1, of: 6) { try Self.damage(repository, &edits) }
      for (from, to) in edits.moves() { try Self.move(from, to, in: repository) }
      try repository.write(edits.next().filter { $0.value != nil || Self.exists($0.key, in: repository) })
      if edits.isChosen(1, of: 4) { try Self.writeStatus(edits.status(), in: repository) }
      try repository.git("add", "--all")
      try await Self.compare(.staged, in: repository, "seed \(seed), step \(step), staged")
      try repository.git("commit", "--quiet", "--allow-empty", "--message", "step \(step)")
      commits.append(try repository.head())
      let base = commits[edits.number(below: commits.count)]
      try await Self.compare(
        .commits(base: base, head: "HEAD"), in: repository, "seed \(seed), step \(step), from \(base)")
      if try Self.files(repository).isEmpty == false { remembered += 1 }
    }
    #expect(remembered > 20)
  }

  private static func compare(
    _ target: Validation.Target, in repository: TemporaryRepository, _ what: String
  ) async throws {
    func text(_ remembers: Bool) async throws -> String {
      let validation = try await Validation.run(
        target, path: repository.path, remembers: remembers, environment: [:], now: 1_704_070_000)
      return ReportJSON.render(validation.report) + ValidationText.render(validation, coloured: false)
    }
    let (fresh, kept) = (try await text(false), try await text(true))
    #expect(kept == fresh, "\(what)")
  }

  @Test(
    "never changes the report on files of which only the mode changed",
    arguments: [".kdops.yaml", "clusters/a.yaml", "apps/spark-1.0.0.json", "clusters/notes"])
  func modes(path: String) async throws {
    var edits = RandomEdits(seed: 1)
    let repository = try TemporaryRepository()
    try repository.commit(edits.first())
    try repository.commit([
      ".kdops.yaml": "schemaVersion: 1\n", "clusters/notes": "x",
      "clusters/a.yaml": RandomEdits.cluster("a", app: "spark-1.0.0"),
    ])
    for mode in ["100755", "120000", "100644"] {
      try repository.setMode(mode, of: path)
      for target in [Validation.Target.staged, .commits(base: "HEAD~1", head: "HEAD")] {
        try await Self.compare(target, in: repository, "\(path) as \(mode), \(target)")
      }
      let found = try await Self.validate(repository).report.findings
      #expect(found.contains { $0.rule == "file/link" && $0.location?.file == path } == (mode == "120000"))
    }
  }

  // MARK: Invalid cache files

  @Test("avoids reading unchanged files")
  func sparesReading() async throws {
    let repository = try Self.fleet()
    _ = try await Self.validate(repository)
    let blob = try repository.git("rev-parse", "HEAD:clusters/b.yaml")
    try FileManager.default.removeItem(
      atPath: "\(repository.path)/.git/objects/\(blob.prefix(2))/\(blob.dropFirst(2))")
    #expect(try await Self.validate(repository).report.objects.map(\.object.name) == ["a"])
    await #expect(throws: (any Error).self) { try await Self.validate(repository, remembers: false) }
  }

  @Test("is ignored if any byte of it is wrong")
  func damaged() async throws {
    let repository = try Self.fleet()
    let right = try await Self.validate(repository).report
    let file = try #require(try Self.files(repository).first)
    let whole = try Data(contentsOf: URL(filePath: file))
    for position in stride(from: 0, to: whole.count, by: 7) {
      var wrong = whole
      wrong[position] ^= position % 2 == 0 ? 0x40 : 0xff
      try wrong.write(to: URL(filePath: file))
      #expect(try await Self.validate(repository).report == right)
    }
    for count in [0, 1, 47, 100, whole.count - 1] {
      try whole.prefix(count).write(to: URL(filePath: file))
      #expect(try await Self.validate(repository).report == right)
      #expect(try Data(contentsOf: URL(filePath: file)).count == whole.count)
    }
  }

  @Test("of another tree, in place of the right one, affects only that tree")
  func foreign() async throws {
    let (one, other) = (try Self.fleet(), try Self.fleet(app: "spark-2.0.0"))
    let right = try await Self.validate(one).report
    _ = try await Self.validate(other)
    let (mine, theirs) = (
      try #require(try Self.files(one).first), try #require(try Self.files(other).first)
    )
    try FileManager.default.removeItem(atPath: mine)
    try FileManager.default.copyItem(atPath: theirs, toPath: mine)
    #expect(try await Self.validate(one).report == right)
  }

  @Test("is omitted if the git folder is read-only")
  func readOnly() async throws {
    let repository = try Self.fleet()
    // A file in place of the folder: even root cannot write below it.
    try Data().write(to: URL(filePath: "\(repository.path)/.git/kdops"))
    #expect(try await Self.validate(repository).report.objects.map(\.object.name) == ["a"])
  }

  @Test("is shared by linked work trees, and also written in a bare repository")
  func places() async throws {
    let repository = try Self.fleet()
    let linked = try TemporaryFolder()
    try repository.git("worktree", "add", "--quiet", "--detach", "\(linked.path)/tree")
    _ = try await Validation.run(
      .commits(base: "HEAD~1", head: "HEAD"), path: "\(linked.path)/tree", environment: [:], now: 0)
    #expect(try Self.files(repository).count == 1)
    let bare = try repository.clone("--bare")
    _ = try await Self.validate(bare)
    #expect(try FileManager.default.contentsOfDirectory(atPath: "\(bare.path)/kdops/validate").count == 1)
  }

  @Test(
    "belongs to the group that shares the repository, as git's own files do",
    arguments: [
      ("group", 0o2070, 0o060), ("true", 0o2070, 0o060), ("world", 0o2075, 0o064), ("0660", 0o2770, 0o660),
      ("0640", 0o2750, 0o640),
    ])
  func shared(_ setting: String, _ folders: Int, _ files: Int) throws {
    let place = try TemporaryFolder()
    let store = FactStore(gitFolder: place.path + "/", program: "p", access: SharedAccess(setting))
    store.keep([1], of: .statuses)
    let isExact = setting.hasPrefix("0")
    for (path, wanted) in [("", folders), ("/validate", folders), ("/validate/*", files)] {
      let mode = try Self.mode("\(place.path)/kdops\(path)")
      #expect(isExact ? mode == wanted : mode & wanted == wanted, "\(path) \(String(mode, radix: 8))")
    }
  }

  @Test(
    "is private if git's configuration says so, or says nothing",
    arguments: ["umask", "nonsense", "0066"])
  func unshared(_ setting: String) throws {
    let place = try TemporaryFolder()
    for access in [SharedAccess(setting), SharedAccess(nil)] {
      FactStore(gitFolder: place.path + "/", program: "p", access: access).keep([1], of: .statuses)
      #expect(try Self.mode("\(place.path)/kdops/validate") & 0o2000 == 0)
    }
  }

  /// The mode of a file; if the path ends in `*`, of the only file below that folder.
  private static func mode(_ path: String) throws -> Int {
    var path = path
    if path.hasSuffix("*") {
      path = String(path.dropLast())
      path += try #require(FileManager.default.contentsOfDirectory(atPath: path).first)
    }
    return try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
  }

  @Test("reads from git's configuration whether the repository is shared")
  func sharedByConfiguration() async throws {
    let bare = try Self.fleet().clone("--bare")
    try bare.git("config", "core.sharedRepository", "0660")
    _ = try await Self.validate(bare)
    #expect(try Self.mode("\(bare.path)/kdops/validate") == 0o2770)
  }

  @Test("stays within its limits, however many layouts there were")
  func bounded() async throws {
    let repository = try Self.fleet()
    for number in 0..<7 {
      try repository.commit([".kdops.yaml": "defaultNamespace: n\(number)\n"])
      try repository.commit(["clusters/a.yaml": RandomEdits.cluster("a", app: "spark-\(number).0.0")])
      _ = try await Self.validate(repository)
    }
    #expect(try Self.files(repository).count == FactStore.fileLimit)
  }

  @Test("is complete for readers while others write")
  func together() async throws {
    let repository = try Self.fleet()
    let right = try await Self.validate(repository).report
    try await withThrowingTaskGroup(of: Report.self) { group in
      for number in 0..<24 {
        group.addTask {
          if number % 3 == 0 { try? Self.forget(repository) }
          return try await Self.validate(repository).report
        }
      }
      for try await report in group { #expect(report == right) }
    }
  }

  // MARK: Support

  /// Two clusters of one app; the last commit changed one of them.
  private static func fleet(app: String = "spark-1.0.0") throws -> TemporaryRepository {
    let repository = try TemporaryRepository()
    try repository.commit([
      "apps/spark.json": RandomEdits.app(app, image: "a"),
      "clusters/a.yaml": RandomEdits.cluster("a", app: app),
      "clusters/b.yaml": RandomEdits.cluster("b", app: app),
    ])
    try repository.commit(["clusters/a.yaml": RandomEdits.cluster("a", app: app, members: 5)])
    return repository
  }

  private static func validate(
    _ repository: TemporaryRepository, remembers: Bool = true
  ) async throws -> Validation {
    try await Validation.run(
      .commits(base: "HEAD~1", head: "HEAD"), path: repository.path, remembers: remembers, environment: [:],
      now: 0)
  }

  private static func exists(_ path: String, in repository: TemporaryRepository) -> Bool {
    FileManager.default.fileExists(atPath: "\(repository.path)/\(path)")
  }

  private static func move(_ from: String, _ to: String, in repository: TemporaryRepository) throws {
    guard exists(from, in: repository) else { return }
    let text = try String(contentsOfFile: "\(repository.path)/\(from)", encoding: .utf8)
    try repository.write([from: nil, to: text])
  }

  private static func folder(_ repository: TemporaryRepository) -> String {
    "\(repository.path)/.git/kdops/validate"
  }

  private static func files(_ repository: TemporaryRepository) throws -> [String] {
    let folder = folder(repository)
    guard FileManager.default.fileExists(atPath: folder) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
  }

  private static func forget(_ repository: TemporaryRepository) throws {
    for file in try files(repository) { try FileManager.default.removeItem(atPath: file) }
  }

  private static func damage(_ repository: TemporaryRepository, _ edits: inout RandomEdits) throws {
    for file in try files(repository) {
      var bytes = try Data(contentsOf: URL(filePath: file))
      guard !bytes.isEmpty else { continue }
      bytes[edits.number(below: bytes.count)] ^= 1
      try bytes.write(to: URL(filePath: file))
    }
  }

  private static func writeStatus(_ files: [String: String], in repository: TemporaryRepository) throws {
    var folders: [String: String] = [:]
    for (path, text) in files {
      let parts = path.split(separator: "/").map(String.init)
      let blob = try repository.git("hash-object", "-w", "--stdin", input: text)
      folders[parts[0], default: ""] += "100644 blob \(blob)\t\(parts[1])\n"
    }
    var root = ""
    for (name, entries) in folders {
      root += "040000 tree \(try repository.git("mktree", input: entries))\t\(name)\n"
    }
    let commit = try repository.git("commit-tree", try repository.git("mktree", input: root), "-m", "status")
    try repository.git("update-ref", "refs/kdops/status", commit)
  }
}
