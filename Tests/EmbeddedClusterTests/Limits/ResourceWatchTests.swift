import FoundationEssentials
import Glibc
import Synchronization
import Testing

@testable import EmbeddedCluster

@Suite("The watch of running commands")
struct ResourceWatchTests {
  /// A folder of commands, and a proc file system that a test writes. The wrapper of a command is a real process.
  private struct Scene {
    let top = ClusterFixture.temporaryFolder()
    var proc: String { "\(top)/proc" }

    init() throws { try FileManager.default.createDirectory(atPath: proc, withIntermediateDirectories: true) }

    func write(_ text: String, to path: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    /// Creates the folder of a command.
    func subject(_ name: String, _ record: CommandRecord = CommandRecord()) throws -> ResourceWatch.Subject {
      let place = "\(top)/run/c/\(name)"
      try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
      return ResourceWatch.Subject(place: place, record: record, caller: .waiting)
    }

    /// Runs the body while the command's wrapper runs.
    func withWrapper(of subject: ResourceWatch.Subject, _ body: @escaping (Int32) async throws -> Void)
      async throws
    {
      let process = try Machine.start(["sh", "-c", "sleep 600; :", subject.place])
      defer { Machine.end(process) }
      try write(FileText.read("/proc/\(process)/stat") ?? "", to: "\(subject.place)/pid")
      let zeros = Array(repeating: "0", count: 19).joined(separator: " ")
      try FileManager.default.createDirectory(
        atPath: "\(proc)/\(process)", withIntermediateDirectories: true)
      try write("\(process) (x) S 1 \(zeros) 1 0", to: "\(proc)/\(process)/stat")
      try await body(process)
    }

    func waitForEnd(of subject: ResourceWatch.Subject) async {
      while SafeFolder.kind(subject.place) != nil { await Task.yield() }
    }
  }

  private static func withScene(_ body: (Scene) async throws -> Void) async throws {
    let scene = try Scene()
    defer { ClusterFixture.remove(scene.top) }
    try await body(scene)
  }

  @Test("ends a command at its deadline while another one is being measured")
  func independent() async throws {
    try await Self.withScene { scene in
      let slow = try scene.subject("slow")
      let late = try scene.subject(
        "late", CommandRecord(deadline: CommandDeadline(time: .seconds(9), limit: .seconds(9))))
      let time = Time()
      let watch = ResourceWatch(limits: SandboxLimits(), proc: scene.proc) { time.now }
      try await scene.withWrapper(of: slow) { process in
        // Reading this blocks until the test closes it.
        let maps = "\(scene.proc)/\(process)/maps"
        #expect(mkfifo(maps, 0o600) == 0)
        watch.add(slow)
        var blocker: Int32 = -1
        while blocker < 0 {
          blocker = open(maps, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
          await Task.yield()
        }
        defer { close(blocker) }
        watch.add(late)
        time.now = .seconds(9)
        await scene.waitForEnd(of: late)
        #expect(watch.remove(late.place) == .time(limit: .seconds(9)))
        #expect(watch.remove(slow.place) == nil)
      }
    }
  }

  @Test("ends the sandbox of an earlier daemon's command whose wrapper was killed")
  func killedWrapper() async throws {
    try await Self.withScene { scene in
      var command = try scene.subject("adopted")
      command.caller = .inEarlierDaemon
      let sandbox = try Machine.start(["env", "\(CommandProcess.variable)=adopted", "sleep", "600"])
      defer { Machine.end(sandbox) }
      let stamp = try #require(ProcessStamp(process: sandbox))
      let watch = ResourceWatch(limits: SandboxLimits(), proc: scene.proc) { .zero }
      watch.add(command)
      await scene.waitForEnd(of: command)
      while stamp.isAlive { await Task.yield() }
      #expect(watch.remove(command.place) == nil)
    }
  }

  @Test("counts the growth of the machine's shared memory when its memory is nearly full")
  func sharedMemory() async throws {
    try await Self.withScene { scene in
      func set(shared: Int, available: Int) throws {
        try scene.write(
          "MemTotal: 9000000 kB\nMemAvailable: \(available) kB\nShmem: \(shared) kB\n",
          to: "\(scene.proc)/meminfo")
      }
      try set(shared: 5_000, available: 8_000_000)
      let command = try scene.subject("a")
      var limits = SandboxLimits()
      limits.totalMemory = 100 << 20
      let watch = ResourceWatch(limits: limits, proc: scene.proc) { .zero }
      try await scene.withWrapper(of: command) { _ in
        watch.add(command)
        try set(shared: 5_000 + 110_000, available: 8_000)
        await scene.waitForEnd(of: command)
        #expect(watch.remove(command.place) == .unknownMemory(limit: 100 << 20, nil))
      }
    }
  }

  @Test("counts what a command writes before the first measurement as its own, not as unknown growth")
  func baseline() throws {
    let folder = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(folder) }
    let watch = ResourceWatch(limits: SandboxLimits()) { .zero }
    try Data(count: 1 << 20).write(to: URL(fileURLWithPath: "\(folder)/before"))
    let baseline = watch.baseline([folder])
    #expect(baseline.disk >= 1 << 20 && baseline.disk < 2 << 20)
    #expect(baseline.machine.disk > 0)
  }

  @Test(
    "warns a root daemon that may not read processes",
    arguments: [
      ("CapEff:\t000001ffffffffff\n", true), ("CapEff:\t00000000a80425fb\n", false), ("Name:\tx\n", true),
    ])
  func capability(status: String, mayRead: Bool) {
    #expect(Sandbox.mayReadProcesses(status: "Name:\tkdops\n\(status)Threads:\t1\n") == mayRead)
  }

  /// A clock that a test sets.
  private final class Time: Sendable {
    private let time = Mutex(Duration.zero)
    var now: Duration {
      get { time.withLock { $0 } }
      set { time.withLock { $0 = newValue } }
    }
  }
}
