import Foundation
import TestSupport
import Testing

@Suite("kdops rehearse", needsBubblewrap)
struct RehearsalScenarios {
  /// The output of a rehearsal, and its exit code.
  private struct Ending {
    var code: Int
    var text: String
    /// The files that it left in the temporary folder.
    var left: [String]
  }

  /// - Parameters:
  ///   - base: files in addition to the usual ones, at the base.
  ///   - change: the files of the commit that is rehearsed; those of an upgrade to 1.1.0 if nil.
  private func rehearse(
    _ fixture: Fixture, base: [String: String?] = [:], change: [String: String?]? = nil,
    _ arguments: [String] = []
  ) async throws -> Ending {
    let repository = try TemporaryRepository()
    try repository.commit(fixture.shop().merging(base) { $1 }, "Begin")
    try repository.commit(change ?? fixture.upgrade(), "Change")
    return try await rehearse(repository, arguments)
  }

  private func rehearse(_ repository: TemporaryRepository, _ arguments: [String]) async throws -> Ending {
    let scratch = try TemporaryFolder()
    let log = "\(scratch.path)/log"
    let before = try repository.git("for-each-ref")
    let code = try await Backend.embedded.places.with {
      let process = try DaemonProcess(
        ["rehearse", "--base", "HEAD~1", "-C", repository.path] + arguments, log: log,
        environment: ["TMPDIR": scratch.path])
      return try await process.ended(within: .seconds(300))
    }
    #expect(try repository.git("for-each-ref") == before)
    #expect(try repository.git("status", "--porcelain") == "")
    let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter { $0 != "log" }
    return Ending(code: code, text: text, left: left)
  }

  @Test("runs a good upgrade to its end, rolls one back from the middle, and leaves nothing behind")
  func good() async throws {
    let ending = try await rehearse(Fixture(.embedded))
    #expect(ending.code == 0, "\(ending.text)")
    #expect(ending.text.contains("rehearsal passed"))
    #expect(ending.left == [])
    let ways = ending.text.components(separatedBy: "── ")
    try #require(ways.count == 3, "\(ending.text)")
    func count(_ words: String, _ way: String) -> Int { way.components(separatedBy: words).count - 1 }
    // Three workers and one front; the gateway's image stays.
    #expect(count("--pod_upgraded", ways[1]) == 4)
    #expect(count("--pod_reverted", ways[1]) == 0)
    #expect((1...3).contains(count("--pod_reverted", ways[2])), "\(ending.text)")
    #expect(!ending.text.contains("shop-gateway-0  replaced"))
  }

  @Test("a script that fails during the upgrade is reported with its exit code, and the rollback still runs")
  func failsForward() async throws {
    let ending = try await rehearse(Fixture(.embedded, .init(version: "1.1", failsUpgraded: 7)))
    #expect(ending.code == 1)
    #expect(ending.text.contains("exit 7"), "\(ending.text)")
    let ways = ending.text.components(separatedBy: "── ")
    try #require(ways.count == 3, "\(ending.text)")
    #expect(ways[1].contains("✗ default/shop"))
    #expect(ways[2].contains("passed"), "\(ending.text)")
  }

  @Test("the output of a failing script is shown, and a CI runner executes no command in it")
  func runnerCommands() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    var change = fixture.upgrade()
    change["images/web/1.1/opt/configscripts/appconfig/startscript"] = """
      #!/bin/sh
      [ "$1" = --pod_upgraded ] || exit 0
      echo '::stop-commands::from the script'
      printf '##[group]x\\nsection_start:0:x\\r\\033[0K\\033[2J\\n'
      exit 1

      """
    let ending = try await rehearse(fixture, change: change)
    #expect(ending.code == 1)
    #expect(ending.text.contains("from the script"), "\(ending.text)")
    #expect(!ending.text.contains("##[") && !ending.text.contains("section_start:0"))
    #expect(!ending.text.contains("\u{1B}") && !ending.text.contains("\r"))
    let lines = ending.text.split(separator: "\n").map { $0.drop(while: \.isWhitespace) }
    #expect(!lines.contains { $0.hasPrefix("::") })
  }

  @Test("a script that fails during the rollback fails the rehearsal, even if the upgrade succeeds")
  func failsBack() async throws {
    let ending = try await rehearse(
      Fixture(.embedded), base: ["images/web/1.0/srv/fail-pod_reverted": "4\n"])
    #expect(ending.code == 1)
    let ways = ending.text.components(separatedBy: "── ")
    try #require(ways.count == 3, "\(ending.text)")
    #expect(ways[1].contains("passed in"), "\(ending.text)")
    #expect(ways[2].contains("--pod_reverted") && ways[2].contains("exit 4"), "\(ending.text)")
  }

  @Test("an image that the catalog lacks is named, with the key of .kdops.yaml that fixes it")
  func missingImage() async throws {
    let fixture = Fixture(.embedded)
    let ending = try await rehearse(fixture, change: fixture.upgrade(tag: "1.l.0"))
    #expect(ending.code == 1)
    #expect(ending.text.contains("ErrImagePull"), "\(ending.text)")
    #expect(ending.text.contains("embedded.images in .kdops.yaml"))
    #expect(ending.text.contains("registry.example/web:1.l.0"))
  }

  @Test("a revert is rehearsed as the upgrade that it undoes, rolled back in the middle")
  func revert() async throws {
    let fixture = Fixture(.embedded, workers: 2)
    let repository = try TemporaryRepository()
    try repository.commit(fixture.shop(), "Begin")
    try repository.commit(fixture.upgrade(), "Upgrade")
    try repository.git("revert", "--no-edit", "HEAD")
    let ending = try await rehearse(repository, [])
    #expect(ending.code == 0, "\(ending.text)")
    #expect(ending.text.contains("--pod_reverted"))
  }

  @Test("only clusters that change are created, and only those that are requested")
  func only() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    var change = fixture.upgrade()
    change[Fixture.clusterPath("stall")] = fixture.cluster("stall", app: "1.1.0")
    let ending = try await rehearse(
      fixture,
      base: [
        Fixture.clusterPath("stall"): fixture.cluster("stall", app: "1.0.0"),
        Fixture.clusterPath("idle"): fixture.cluster("idle", app: "1.0.0"),
      ], change: change, ["--cluster", "default/shop", "--format", "json"])
    #expect(ending.code == 0, "\(ending.text)")
    #expect(!ending.text.contains("idle") && !ending.text.contains("stall-worker"))
    #expect(ending.text.contains("\"passed\": true"))
  }

  @Test("a change that would be rejected fails the rehearsal, with the rule")
  func rejected() async throws {
    let fixture = Fixture(.embedded)
    let ending = try await rehearse(fixture, change: fixture.upgrade(workers: 5))
    #expect(ending.code == 1)
    #expect(ending.text.contains("upgrade/only-app"), "\(ending.text)")
  }

  @Test("without changes there is nothing to rehearse; a rehearsal that cannot be run exits 2")
  func nothing() async throws {
    let fixture = Fixture(.embedded)
    let ending = try await rehearse(fixture, change: ["README": "words\n"])
    #expect(ending.code == 0)
    #expect(ending.text.contains("nothing was rehearsed"))
    #expect(try await rehearse(fixture, ["--head", "nowhere"]).code == 2)
    #expect(try await rehearse(fixture, ["--cluster", "default/none"]).code == 2)
  }

  @Test("a step that takes too long fails the rehearsal, and the output names what it waits for")
  func timeout() async throws {
    let ending = try await rehearse(
      Fixture(.embedded, workers: 1, .init(version: "1.1", hook: "120")), ["--timeout", "8s"])
    #expect(ending.code == 1)
    #expect(ending.text.contains("within 8 s"), "\(ending.text)")
    #expect(ending.text.contains("--timeout"))
    #expect(ending.left == [])
  }

  @Test("if an app declares a point of no return, no rollback is rehearsed, and the output says so")
  func noReturn() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    var change = fixture.upgrade()
    let app = fixture.app("1.1.0").replacingOccurrences(
      of: #""name": "web-1.1.0""#,
      with: #""name": "web-1.1.0", "annotations": {"kdops.dev/point-of-no-return": "*"}"#)
    change[Fixture.appPath("1.1.0")] = app
    let ending = try await rehearse(fixture, change: change)
    #expect(ending.code == 0, "\(ending.text)")
    #expect(ending.text.contains("not rehearsed: the rollback of default/shop"))
    #expect(!ending.text.contains("--pod_reverted"))
  }

  @Test("new clusters, more members and several clusters at once are rehearsed too")
  func others() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    let other = Fixture.clusterPath("other")
    let ending = try await rehearse(
      fixture, base: [other: fixture.cluster("other", app: "1.0.0")],
      change: [
        other: fixture.cluster("other", app: "1.0.0", workers: 2),
        Fixture.clusterPath("fresh"): fixture.cluster("fresh", app: "1.0.0"),
      ])
    #expect(ending.code == 0, "\(ending.text)")
    #expect(ending.text.contains("default/fresh-worker-0") && ending.text.contains("default/other-worker-1"))
    #expect(ending.text.contains("--addnodes"))
    #expect(!ending.text.contains("and back:") && !ending.text.contains("shop"))
  }

  @Test("with --keep the result can be inspected")
  func kept() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    let ending = try await rehearse(fixture, ["--keep"])
    #expect(ending.code == 0, "\(ending.text)")
    #expect(ending.left.count == 1)
    #expect(ending.text.contains("all files are kept in"))
  }

  @Test("stopped in the middle, it ends its scripts and deletes what it created")
  func stopped() async throws {
    let fixture = Fixture(.embedded, .init(version: "1.1", hook: "60"))
    let repository = try TemporaryRepository()
    try repository.commit(fixture.shop(), "Begin")
    try repository.commit(fixture.upgrade(), "Change")
    let scratch = try TemporaryFolder()
    let log = "\(scratch.path)/log"
    let process = try DaemonProcess(
      ["rehearse", "--base", "HEAD~1", "-C", repository.path], log: log, environment: ["TMPDIR": scratch.path]
    )
    func text() -> String {
      String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
    }
    try await eventually(within: .seconds(120), "replaced pod") { text().contains("replaced") ? true : nil }
    #expect(try await process.stop(within: .seconds(30)) == 2, "\(text())")
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["log"])
  }
}
