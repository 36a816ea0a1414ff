import FoundationEssentials
import Glibc
import Testing

@testable import EmbeddedCluster

/// A hostile script tries to leave a process behind. Each script has an argument that no other process on
/// this machine has.
@Suite(
  "Processes that a command leaves behind", .enabled(if: Machine.hasBubblewrap, "bubblewrap is not installed")
)
struct SurvivorTests {
  /// Every kind of daemon that the user of this process can be.
  static let daemons = geteuid() == 0 ? [true, false] : [false]

  /// A container's folders, and the runner of a daemon.
  private struct Scene {
    let top = ClusterFixture.temporaryFolder()
    let word = "kdops-test-\(UUID().uuidString)"
    let runner: ScriptRunner
    var folder: RunFolder { RunFolder(path: "\(top)/run/c1") }
    var root: String { "\(top)/root" }

    init(isRoot: Bool) throws {
      let limits = SandboxLimits()
      runner = ScriptRunner(
        sandbox: Sandbox(mode: .bubblewrap, limits: limits, isRoot: isRoot),
        watch: ResourceWatch(limits: limits) { .zero }, cgroups: nil)
      let owner = runner.sandbox.owner
      try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
      let root = try OpenFolder(top).make(["root"], owner: owner)
      for folder in [["proc"], ["dev"], ["usr", "local"], ["tmp"], ["opt"]] {
        _ = try root.make(folder, owner: owner)
      }
      for (name, target) in HostPrograms.links { try root.link(name, to: target) }
    }

    func request(_ command: [String]) throws -> SandboxRequest {
      SandboxRequest(
        root: try .init(OpenFolder(root)), binds: [], hostname: "web-0", environment: [:],
        command: command + [word])
    }

    func start(_ command: [String]) throws -> ScriptRunner.Command {
      try runner.start(
        request(command), stdin: [], outputLimit: 4096, folder: folder, terms: .unlimited(runner.watch)
      ) {}
    }

    func waitForFile(_ name: String) async {
      while !FileManager.default.fileExists(atPath: "\(root)/opt/\(name)") { await Task.yield() }
    }

    /// The processes of the script that have not ended. A zombie has no arguments.
    var survivors: [String] { survivors { _ in true } }

    /// The processes of the script that have not ended, without the subshells of a wrapper, which end after the
    /// sandbox. Only the arguments of those contain the command's folder.
    func survivors(besidesWrapper place: String) -> [String] {
      survivors { arguments in !arguments.contains { $0.elementsEqual(place.utf8) } }
    }

    private func survivors(_ isWanted: ([ArraySlice<UInt8>]) -> Bool) -> [String] {
      ((try? SafeFolder.names(in: "/proc")) ?? []).filter { name in
        guard Int32(name) != nil, let bytes = FileText.bytes("/proc/\(name)/cmdline", limit: 1 << 20) else {
          return false
        }
        let arguments = bytes.split(separator: 0)
        return arguments.contains { $0.elementsEqual(word.utf8) } && isWanted(arguments)
      }
    }
  }

  private static func withScene(
    isRoot: Bool, _ body: (Scene) async throws -> Void
  ) async throws {
    let scene = try Scene(isRoot: isRoot)
    defer {
      for name in scene.survivors { if let process = Int32(name) { kill(process, SIGKILL) } }
      ClusterFixture.remove(scene.top)
    }
    try await body(scene)
  }

  private static func code(_ ending: ScriptRunner.Ending) -> Int? {
    if case .exited(let code, _, _) = ending { code } else { nil }
  }

  @Test(
    "are ended with a command whose script leaves its session and closes its streams",
    arguments: daemons)
  func newSession(isRoot: Bool) async throws {
    try await Self.withScene(isRoot: isRoot) { scene in
      let script = """
        (setsid sh -c 'trap "" HUP TERM; touch /opt/on; while :; do sleep 1; done' "$0" <&- >&- 2>&- &)
        until [ -e /opt/on ]; do sleep 0.01; done; exit 3
        """
      let command = try scene.start(["sh", "-c", script])
      #expect(Self.code(try await command.ending.wait()) == 3)
      #expect(scene.survivors == [])
    }
  }

  @Test("are ended with the command even if they multiply at its end", arguments: daemons)
  func forksAtTheEnd(isRoot: Bool) async throws {
    try await Self.withScene(isRoot: isRoot) { scene in
      let script = """
        exec <&- >&- 2>&-
        for i in 1 2 3 4 5 6 7 8; do (while :; do (setsid sleep 9 "$0" &) ; done) & done
        exit 4
        """
      let command = try scene.start(["sh", "-c", script])
      #expect(Self.code(try await command.ending.wait()) == 4)
      #expect(scene.survivors == [])
    }
  }

  @Test("are ended with a command whose script stops every process that it can see", arguments: daemons)
  func stopped(isRoot: Bool) async throws {
    try await Self.withScene(isRoot: isRoot) { scene in
      let script = """
        (setsid sh -c 'while :; do kill -STOP 1 -1; touch /opt/on; done' "$0" &)
        while :; do sleep 1; done
        """
      let command = try scene.start(["sh", "-c", script])
      await scene.waitForFile("on")
      #expect(RunFolder.end(command: command.place))
      #expect(scene.survivors == [])
      _ = try await command.ending.wait()
    }
  }

  @Test("are ended with a command whose wrapper was killed", arguments: daemons)
  func killedWrapper(isRoot: Bool) async throws {
    try await Self.withScene(isRoot: isRoot) { scene in
      let command = try scene.start(["sh", "-c", "touch /opt/on; while :; do sleep 1; done"])
      await scene.waitForFile("on")
      let wrapper = try #require(try CommandProcess.wrapper(of: command.place))
      #expect(kill(wrapper.process, SIGKILL) == 0)
      guard case .notStarted = try await command.ending.wait() else {
        Issue.record("it has an exit code")
        return
      }
      #expect(scene.survivors(besidesWrapper: command.place) == [])
      #expect(SafeFolder.kind(command.place) == nil)
    }
  }

  @Test("do not see the name of their command's folder", arguments: daemons)
  func variable(isRoot: Bool) async throws {
    try await Self.withScene(isRoot: isRoot) { scene in
      let command = try scene.start(["sh", "-c", "env | grep -c KDOPS"])
      #expect(Self.code(try await command.ending.wait()) == 1)
    }
  }

  #if arch(x86_64)
    /// Replaces the code of the first process in the sandbox: that process reports an end with code 0, waits
    /// for no other process any more, and no longer dies with its parent. Then the script continues for ten
    /// minutes.
    private static let attack = #"""
      my @call;
      # Until it waits (wait4) it has no place in its code to be changed at.
      until (@call && $call[0] eq 61) {
        open(my $call, "<", "/proc/1/syscall") or die "syscall: $!";
        @call = split " ", <$call>;
      }
      my $place = hex $call[-1];
      my ($event) = grep { (readlink("/proc/1/fd/$_") // "") =~ /eventfd/ } 0 .. 99;
      my $code =
        # prctl(PR_SET_PDEATHSIG, 0)
        pack("C*", 0xB8, 157, 0, 0, 0, 0xBF, 1, 0, 0, 0, 0x31, 0xF6, 0x0F, 0x05)
        # write(event, 1, 8)
        . pack("C*", 0x6A, 1, 0xB8, 1, 0, 0, 0, 0xBF) . pack("L<", $event)
        . pack("C*", 0x48, 0x89, 0xE6, 0xBA, 8, 0, 0, 0, 0x0F, 0x05)
        # for (;;) pause()
        . pack("C*", 0xB8, 34, 0, 0, 0, 0x0F, 0x05, 0xEB, 0xF7);
      open(my $memory, "+<", "/proc/1/mem") or die "mem: $!";
      sysseek($memory, $place, 0) or die "seek: $!";
      syswrite($memory, $code) == length $code or die "write: $!";
      close $_ for (*STDIN, *STDOUT, *STDERR);
      # The end of an orphan wakes the first process.
      if (!fork()) { if (!fork()) { exit 0 } exit 0 }
      wait;
      open(my $on, ">", "/opt/on");
      sleep 600;
      """#

    private static let hasPerl = access("/usr/bin/perl", X_OK) == 0

    @Test(
      "are ended with a command whose script changes the first process in the sandbox",
      .enabled(if: hasPerl, "perl is not installed"), arguments: daemons)
    func changedFirstProcess(isRoot: Bool) async throws {
      try await Self.withScene(isRoot: isRoot) { scene in
        let command = try scene.start(["perl", "-e", Self.attack])
        let ending = try await command.ending.wait()
        #expect(Self.code(ending) == 0, "\(ending)")
        #expect(scene.survivors == [])
      }
    }

    @Test(
      "are ended with the container if a dead daemon left such a script",
      .enabled(if: hasPerl, "perl is not installed"), arguments: daemons)
    func changedFirstProcessOfOrphan(isRoot: Bool) async throws {
      try await Self.withScene(isRoot: isRoot) { scene in
        let place = "\(scene.folder.path)/orphan"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
        try ScriptRunner.write(stdin: [], to: place)
        // Without the report of the end, the command continues.
        let attack = Self.attack.replacing("0x6A, 1, 0xB8, 1, 0, 0, 0,", with: "0x6A, 1, 0xB8, 39, 0, 0, 0,")
        let arguments = ScriptRunner.arguments(
          scene.runner.sandbox, try scene.request(["perl", "-e", attack]), place: place, outputLimit: 10)
        #expect(Machine.run(["setsid", "-f", "sh"] + arguments) == 0)
        await scene.waitForFile("on")
        #expect(scene.folder.endAll())
        #expect(scene.survivors == [])
      }
    }
  #endif

  @Test("are found in all sessions below a wrapper, without the wrapper itself")
  func descendants() throws {
    try Machine.running(["sh", "-c", "setsid sh -c 'sleep 600; :' & sleep 600; :"]) { process in
      let wrapper = try #require(ProcessStamp(process: process))
      var found: [ProcessStamp] = []
      while found.count < 3 { found = try CommandProcess.descendants(of: [wrapper]) }
      #expect(!found.contains(wrapper))
      let all = found
      let unreadable = #expect(throws: FileShortage.self) {
        _ = try CommandProcess.descendants(of: [wrapper]) { _ throws(FileShortage) in throw FileShortage() }
      }
      #expect(unreadable != nil, "a process that cannot be read is not left out")
      let ended = try CommandProcess.descendants(of: [wrapper]) { number throws(FileShortage) in
        number == all[0].process ? nil : try ProcessStamp.find(number)
      }
      #expect(!ended.contains(all[0]), "a process that has ended is left out")
      for stamp in found { kill(stamp.process, SIGKILL) }
      #expect(try CommandProcess.descendants(of: []).isEmpty)
    }
  }
}
