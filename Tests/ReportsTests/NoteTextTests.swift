import KubeDirector
import Manifests
import Reports
import TestSupport
import Testing
import Values

@Suite("A note")
struct NoteTextTests {
  private func read(_ note: String) -> JSON? {
    NoteText.body(of: note).flatMap { body in
      let file = SettingsFile(path: "note", bytes: Array(body.utf8))
      return file.findings.isEmpty ? file.json : nil
    }
  }

  private let mixed = CommitReport(
    commit: Sample.commit, subject: "Upgrade analytics and ledger",
    objects: [
      Sample.object("spark-1.1.0", .done, kind: Wire.appKind, change: .create),
      Sample.object("analytics", .pending).following(Sample.upgrading),
      Sample.object(
        "ledger", .failed, message: "ledger-broker-2: ErrImagePull registry.example/kafka:3.7.l (not found)"),
      Sample.object(
        "profiles", .rejected, change: .upgrade, verdict: .rejected,
        rules: ["upgrade/only-app", "upgrade/newer"],
        message: "cluster prod/profiles changes members together with the app"),
      Sample.object(
        "lake", .waiting, verdict: .waiting, rules: ["upgrade/configured"], message: "waits for an upgrade"),
    ])

  @Test("has one summary line, an empty line, and YAML")
  func golden() throws {
    let text = NoteText.render(mixed)
    #expect(try text == Golden.stored("note.txt", recording: text))
  }

  @Test("of a commit whose upgrade has ended contains both versions and the number of pods")
  func done() throws {
    let ended = Sample.object("analytics", .pending).following(Sample.upgrading).following(Sample.configured)
    let text = NoteText.render(
      CommitReport(
        commit: Sample.commit,
        objects: [Sample.object("spark-1.1.0", .done, kind: Wire.appKind, change: .create), ended]))
    #expect(try text == Golden.stored("note-done.txt", recording: text))
  }

  @Test("is read back as it was written")
  func roundTrip() throws {
    let json = try #require(read(NoteText.render(mixed)))
    var expected = mixed
    expected.subject = ""
    #expect(CommitReport(json) == expected)
    #expect(json["phase"]?.string == "failed")
  }

  @Test("distinguishes a stalled upgrade from an attempt that has ended")
  func stalled() {
    let stalled = Sample.object("analytics", .pending).following(Sample.stalled)
    var ended = stalled
    ended.message = "rolled back by 1d0e77c"
    ended.upgrade = nil
    ended.failure = .superseded
    func sentence(_ object: ObjectReport) -> String {
      String(NoteText.render(CommitReport(commit: Sample.commit, objects: [object])).prefix { $0 != "\n" })
    }
    #expect(
      sentence(stalled)
        == "✗ stalled: prod/analytics (analytics-worker-2: ErrImagePull registry.example/spark:1.1.0 (not found))"
    )
    #expect(sentence(ended) == "failed: prod/analytics (rolled back by 1d0e77c)")
  }

  @Test("reports a stalled creation as a status does, and distinguishes it from changes that have ended")
  func stalledCreation() throws {
    var status = Sample.configured
    (status.state, status.conditions) = (.creating, Sample.stalled.conditions)
    let stalled = Sample.object("analytics", .pending, change: .create).following(status)
    let ended = Sample.object("ledger", .failed, message: "superseded by 1d0e77c")
    let text = NoteText.render(CommitReport(commit: Sample.commit, objects: [ended, stalled]))
    #expect(
      text.hasPrefix("failed: prod/ledger (superseded by 1d0e77c) · ✗ stalled: prod/analytics (analytics"))
    let back = try #require(read(text).flatMap { CommitReport($0) })
    #expect(back.objects.map(\.isStalled) == [false, true])
  }

  @Test("has the complete command that ends a stall, and not in its first line")
  func remedy() {
    let command = RestoreCommand.text(before: Sample.commit, path: "clusters/prod/analytics.yaml")
    var status = Sample.stalled
    status.conditions[0].message += "\(Stall.Opening.revert)spark-1.0.0, revert commit 4f2c9ab: \(command)"
    let text = NoteText.render(
      CommitReport(
        commit: Sample.commit, objects: [Sample.object("analytics", .pending).following(status)]))
    let lines = text.split(separator: "\n")
    #expect(lines[0].hasSuffix("to return to spark-1.0.0, revert commit 4f2c9ab)"))
    #expect(lines.dropFirst().contains { $0.contains(command) })
  }

  @Test("the command that ends a stall works for a merge commit, and leaves other files unchanged")
  func mergeCommit() throws {
    let repository = try TemporaryRepository()
    let path = "clusters/a's.yaml"
    try repository.commit([path: "app: 1\n", "clusters/b.yaml": "app: 1\n"], "First")
    try repository.git("checkout", "--quiet", "-b", "change")
    try repository.commit([path: "app: 2\n", "clusters/b.yaml": "app: 2\n"], "Upgrade both")
    try repository.git("checkout", "--quiet", "-")
    try repository.commit(["README.md": "x\n"], "Other")
    try repository.git("merge", "--quiet", "--no-ff", "--message", "Merge", "change")
    let merge = try repository.git("rev-parse", "HEAD")
    let command = RestoreCommand.text(before: merge, path: path)
    let restore = String(command.prefix(upTo: command.firstRange(of: " && ")?.lowerBound ?? command.endIndex))
    _ = try TemporaryRepository.run(["sh", "-c", restore], in: repository.path)
    #expect(try repository.git("diff", "--name-only", "-z") == "\(path)\0")
    #expect(try repository.git("diff", "HEAD~1", "--", path) == "")
  }

  @Test("is also written for a commit that changed no object")
  func empty() throws {
    let text = NoteText.render(CommitReport(commit: Sample.commit, objects: []))
    #expect(text.hasPrefix("done: no object changed\n\n"))
    #expect(try #require(read(text))["objects"] == [])
  }

  @Test("stays within its limits however many objects a commit changed, and keeps failed ones")
  func bounds() throws {
    var objects = (0..<10_000).map { Sample.object("cluster-\($0)", .upgrading) }
    objects[9_000] = Sample.object("broken", .failed, message: String(repeating: "long ", count: 5_000))
    let text = NoteText.render(CommitReport(commit: Sample.commit, objects: objects))
    let sentence = try #require(text.split(separator: "\n").first)
    #expect(text.utf8.count <= NoteText.sizeLimit)
    #expect(sentence.count <= NoteText.sentenceLimit)
    #expect(sentence.hasPrefix("upgrading: 9999 · failed: prod/broken (long"))
    let json = try #require(read(text))
    let kept = try #require(json["objects"]?.array)
    #expect(kept.contains { $0["name"]?.string == "broken" })
    #expect(json["omitted"]?.integer == 10_000 - kept.count)
  }

  @Test("with many objects of one phase names some and counts the others")
  func more() throws {
    let objects = (0..<60).map { Sample.object("analytics-\($0)", .upgrading) }
    let sentence = try #require(
      NoteText.render(CommitReport(commit: Sample.commit, objects: objects)).split(separator: "\n").first)
    #expect(sentence.hasPrefix("upgrading: prod/analytics-0, prod/analytics-1, "))
    #expect(sentence.hasSuffix(" more"))
  }

  @Test(
    "contains text from outside as text only",
    arguments: [
      "a: b", "- x", "yes", "null", "1e5", "0x1f", "2026-01-01", "# no comment", "\"", "'", "\\", "[",
      "{a: b}", "*x",
      "&x", "!tag", "%", "@", "`", "a #b", " lead", "trail ", "~", "", "é", "→", "🙂", "\u{FEFF}", "x\u{85}y",
      "<<",
    ])
  func hostileText(_ text: String) throws {
    let json = try #require(
      read(
        NoteText.render(
          CommitReport(commit: "1234567", objects: [Sample.object("a", .failed, message: text)]))))
    let message = json["objects"]?[0]?["message"]?.string
    if text.unicodeScalars.allSatisfy({ !$0.properties.isDefaultIgnorableCodePoint && $0.value != 0x85 }) {
      #expect(message == text)
    }
    #expect(message != nil)
    #expect(json["commit"]?.string == "1234567")
    #expect(json["objects"]?.array?.count == 1)
  }

  @Test("limits a message by its bytes, however many combining marks one character has")
  func marks() {
    let message = "x" + String(repeating: "\u{301}", count: 100_000)
    let note = NoteText.render(
      CommitReport(commit: Sample.commit, objects: [Sample.object("a", .failed, message: message)]))
    #expect(note.utf8.count < 4_000 && note.contains("name: a"))
  }

  @Test("contains no line breaks or control characters in a message, and no credential")
  func cleaned() {
    let note = NoteText.render(
      CommitReport(
        commit: Sample.commit,
        objects: [
          Sample.object(
            "a", .failed, message: "one\ntwo\u{1B}[2J https://user:hunter2@registry.example/x?token=hunter2")
        ]))
    #expect(!note.contains("hunter2"))
    #expect(!note.contains("\u{1B}"))
    #expect(note.contains("one two"))
  }

  @Test(
    "with foreign content is not read as a report",
    arguments: [
      "", "{}", "[]", "null", "schemaVersion: 2", "schemaVersion: 1", "schemaVersion: 1\ncommit: [1]", "7",
    ])
  func forged(_ yaml: String) {
    let json = SettingsFile(path: "note", bytes: Array(yaml.utf8)).json ?? .null
    #expect(CommitReport(json) == nil)
  }

  @Test("with damaged parts gives what can be read")
  func damaged() {
    let json: JSON = [
      "schemaVersion": 1, "commit": "abc",
      "objects": [
        7, ["kind": "x"], ["kind": "a", "namespace": "b", "name": "c", "phase": "done", "upgrade": [1]],
      ],
    ]
    #expect(CommitReport(json)?.objects.map(\.name) == ["c"])
  }

  @Test(
    "without an empty line has no YAML part", arguments: ["", "one line", "two\nlines\n", "sentence\n\n"])
  func noBody(_ note: String) {
    #expect(NoteText.body(of: note) == nil)
  }
}
