import ClusterAPI
import FoundationEssentials
import Testing

@testable import EmbeddedCluster

@Suite("Time limits of commands", .enabled(if: Machine.hasBubblewrap, "bubblewrap is not installed"))
struct DeadlineTests {
  private static func withPod(_ body: @escaping @Sendable (ClusterFixture) async throws -> Void) async throws
  {
    try await ClusterFixture.with(sandbox: .bubblewrap) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      #expect(try await fixture.sh("true").exitCode == 0)
      try await body(fixture)
    }
  }

  private static func deadline(_ fixture: ClusterFixture) -> CommandDeadline {
    CommandDeadline(time: fixture.cluster.time.now() + .seconds(5), limit: .seconds(7))
  }

  private static func waitForFile(_ name: String, _ fixture: ClusterFixture) async {
    let path = "\(fixture.directory)/pods/default/web-0/opt/\(name)"
    while !FileManager.default.fileExists(atPath: path) { await Task.yield() }
  }

  /// The folders of all commands in the pod's container.
  private static func commands(_ fixture: ClusterFixture) async throws -> [String] {
    let target = try await fixture.cluster.target(
      ClusterFixture.name("web-0"), ExecRequest(command: ["true"]))
    return try SafeFolder.names(in: fixture.cluster.worker.files.folders.run(target.rootID).path).filter {
      $0 != "prepared"
    }
  }

  /// Stops the process that enforces the engine's time limit in the sandbox.
  private static let stopsItsLimit = """
    timeout -s KILL 1 sh -c 'kill -STOP $PPID; touch /opt/on; while :; do sleep 600; done'
    """

  @Test(
    "kill a command of a dead daemon at its deadline, even if it has stopped the limit inside the sandbox")
  func adopted() async throws {
    try await Self.withPod { fixture in
      let place = try await fixture.startOrphan(
        Self.stopsItsLimit, record: CommandRecord(deadline: Self.deadline(fixture)))
      await Self.waitForFile("on", fixture)
      let subjects = fixture.cluster.worker.files.folders.adoptable()
      #expect(subjects.map(\.record.deadline) == [Self.deadline(fixture)])
      for subject in subjects { fixture.cluster.worker.runner.watch.add(subject) }
      fixture.clock.advance(by: .seconds(6))
      while SafeFolder.kind(place) != nil { await Task.yield() }
      #expect(
        await Self.repeated(fixture).hasSuffix("the command had not ended within 7.0 seconds and was killed"))
    }
  }

  /// The response to the engine's second request for a script that was killed.
  private static func repeated(_ fixture: ClusterFixture) async -> String {
    do { return "exit \(try await fixture.sh("exit 137").exitCode)" } catch { return error.message }
  }

  @Test("kill a command at its deadline if its caller no longer waits")
  func abandoned() async throws {
    try await Self.withPod { fixture in
      let caller = Task {
        try await fixture.cluster.exec(
          ClusterFixture.name("web-0"),
          ExecRequest(command: ["sh", "-c", Self.stopsItsLimit], timeout: .seconds(5)))
      }
      await Self.waitForFile("on", fixture)
      caller.cancel()
      await fixture.expect(.unavailable) { _ = try await caller.value }
      #expect(try await Self.commands(fixture).count == 1)
      fixture.clock.advance(by: .seconds(6))
      while try await !Self.commands(fixture).filter({ $0 != "excess" }).isEmpty { await Task.yield() }
      #expect(
        await Self.repeated(fixture).hasSuffix("the command had not ended within 5.0 seconds and was killed"))
    }
  }

  @Test("kill all processes of a command that times out, and no others")
  func sameKey() async throws {
    try await Self.withPod { fixture in
      func run(_ script: String, key: String?, timeout: Duration?) -> Task<ExecResult, any Error> {
        Task {
          try await fixture.cluster.exec(
            ClusterFixture.name("web-0"),
            ExecRequest(command: ["sh", "-c", script], timeout: timeout, key: key))
        }
      }
      let orphan = try await fixture.startOrphan("touch /opt/a; sleep 600", record: CommandRecord(key: "x"))
      let other = run("touch /opt/b; until [ -e /opt/go ]; do sleep 0.01; done", key: "y", timeout: nil)
      let patient = run("touch /opt/c; sleep 600", key: "x", timeout: nil)
      let waiting = run("touch /opt/d; sleep 600", key: "x", timeout: .seconds(5))
      for name in ["a", "b", "c", "d"] { await Self.waitForFile(name, fixture) }
      while fixture.clock.sleeperCount == 0 { await Task.yield() }
      fixture.clock.advance(by: .seconds(6))
      await fixture.expect(.timeout) { _ = try await waiting.value }
      #expect(SafeFolder.kind(orphan) == nil)
      await fixture.expect(.timeout) { _ = try await patient.value }
      #expect(try await fixture.sh("touch /opt/go").exitCode == 0)
      #expect(try await other.value.exitCode == 0)
    }
  }

  @Test(
    "are read back from the command's record",
    arguments: [
      CommandRecord(),
      CommandRecord(
        measured: ["/a", "/b c"], cgroup: "/sys/x",
        deadline: CommandDeadline(time: .milliseconds(1_700_000_000_123), limit: .seconds(630)), key: "a.b"),
    ])
  func record(_ record: CommandRecord) throws {
    let folder = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(folder) }
    #expect(CommandRecord(in: folder) == nil)
    try record.write(to: folder)
    #expect(CommandRecord(in: folder) == record)
  }
}
