import ClusterAPI
import FoundationEssentials
import Glibc
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

@Suite("exec in the sandbox", .enabled(if: Machine.hasBubblewrap, "bubblewrap is not installed"))
struct ExecTests {
  private static let image = ImageCatalog.Entry(
    image: "*",
    rootfs: Files([
      "srv/version": "1\n", "opt/configscripts/appconfig/startscript": "+x#!/bin/sh\necho hello\n",
    ]))

  private static func withPod(
    replicas: Int = 1, container: JSON = [:], spec: JSON = [:], options: EmbeddedCluster.Options = .init(),
    _ body: @escaping @Sendable (ClusterFixture) async throws -> Void
  ) async throws {
    try await ClusterFixture.with(images: [image], sandbox: .bubblewrap, options: options) { fixture in
      _ = try await fixture.cluster.create(
        ClusterFixture.set("web", replicas: replicas, container: container, spec: spec))
      await fixture.cluster.settle()
      try await body(fixture)
    }
  }

  @Test("returns a command's exit code and both streams")
  func streams() async throws {
    try await Self.withPod { fixture in
      let result = try await fixture.sh("cat; echo bad >&2; exit 7", stdin: "fed")
      #expect(result.exitCode == 7)
      #expect(result.out == "fed")
      #expect(result.err == "bad\n")
    }
  }

  @Test("returns 128 plus the signal for a command that is killed by a signal")
  func signal() async throws {
    try await Self.withPod { fixture in
      let result = try await fixture.sh("kill -9 $$")
      #expect(result.exitCode == 137)
    }
  }

  @Test("returns 127 for a missing program, as a shell does")
  func missingProgram() async throws {
    try await Self.withPod { fixture in
      let result = try await fixture.cluster.exec(
        ClusterFixture.name("web-0"), ExecRequest(command: ["/no/such/program"]))
      #expect(result.exitCode == 127)
    }
  }

  @Test("shows a script only programs of the host: no home, files, environment, network or processes")
  func nothingOfTheHost() async throws {
    try await Self.withPod { fixture in
      let top = try await fixture.sh("ls -A /")
      #expect(
        Set(top.out.split(separator: "\n").map(String.init)).isDisjoint(with: [
          "root", "home", "work", "mnt", "sys", "boot",
        ]),
        "\(top.out)")
      #expect(
        try await fixture.sh("ls -A /etc").out.split(separator: "\n").sorted() == [
          "alternatives", "group", "hostname", "hosts", "nsswitch.conf", "passwd",
        ])
      #expect(
        try await fixture.sh("env | cut -d= -f1 | sort | tr '\\n' ' '").out == "HOME HOSTNAME LANG PATH PWD ")
      #expect(try await fixture.sh("cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '").out == "lo\n")
      #expect(try await fixture.sh("exec 3<>/dev/tcp/127.0.0.1/22", shell: "bash").exitCode != 0)
      let processes = try await fixture.sh("ls -d /proc/[0-9]* | wc -l")
      #expect(processes.out.trimmed.utf8.count == 1, "\(processes.out)")
      #expect(try await fixture.sh("ls /proc/self/fd | tr '\\n' ' '").out == "0 1 2 3 ")
      #expect(try await fixture.sh("hostname; cat /etc/hostname").out == "web-0\nweb-0\n")
    }
  }

  @Test("lets a script write only in its own folders, without any privileges")
  func readOnlyHost() async throws {
    try await Self.withPod { fixture in
      let command = """
        for place in /usr/x /bin/x /proc/sys/kernel/core_pattern /proc/sysrq-trigger /etc/alternatives/x; do
          (echo x >"$place") 2>/dev/null && echo "wrote $place"
        done
        for place in /x /opt/x /etc/x /tmp/x /usr/local/bin/x /var/tmp/x /data/x; do
          mkdir -p "${place%/*}"; echo x >"$place" || echo "could not write $place"
        done
        grep -E '^Cap(Prm|Eff|Bnd|Amb)' /proc/self/status | grep -v 0000000000000000
        unshare -U true 2>/dev/null && echo "made a user namespace"
        mount -t tmpfs none /tmp 2>/dev/null && echo mounted
        chroot / true 2>/dev/null && echo "changed its root"
        id -u
        """
      let result = try await fixture.sh(command)
      #expect(result.out == "0\n", "\(result.out) \(result.err)")
      #expect(FileManager.default.fileExists(atPath: "\(fixture.directory)/pods/default/web-0/data/x"))
    }
  }

  @Test("provides the image's files in the root, with its config package packed")
  func imageFiles() async throws {
    try await Self.withPod { fixture in
      let result = try await fixture.sh(
        "cat /srv/version; cd /tmp; tar xzf /opt/configscripts/appconfig.tgz; appconfig/startscript")
      #expect(result.out == "1\nhello\n", "\(result.err)")
      #expect(try await fixture.sh("ls /opt/configscripts").out == "appconfig.tgz\n")
    }
  }

  @Test("provides the container's own environment")
  func ownEnvironment() async throws {
    let container: JSON = ["env": [["name": "GREETING", "value": "a b$(id)"]]]
    try await Self.withPod(container: container) { fixture in
      let result = try await fixture.sh("printf %s \"$GREETING\"")
      #expect(result.out == "a b$(id)")
    }
  }

  @Test("hides the files of other pods")
  func podsApart() async throws {
    try await Self.withPod(replicas: 2) { fixture in
      _ = try await fixture.sh("echo secret >/opt/mine")
      let other = try await fixture.sh("cat /opt/mine /proc/1/root/opt/mine; ls /mnt", pod: "web-1")
      #expect(!other.out.contains("secret"))
      #expect(other.exitCode != 0)
    }
  }

  @Test("drops output beyond the limit, and the command continues")
  func cappedOutput() async throws {
    try await Self.withPod { fixture in
      let result = try await fixture.sh(
        "head -c 5000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 3", limit: 1000)
      #expect(result.exitCode == 3)
      #expect(result.stdout.count == 1000)
      #expect(result.stderr.count == 1000)
    }
  }

  @Test("refuses a command if the container was replaced or none runs")
  func preconditions() async throws {
    try await Self.withPod { fixture in
      let first = try #require(try await fixture.pod("web-0").containerID)
      #expect(try await fixture.sh("true", containerID: first).exitCode == 0)
      try await fixture.cluster.killContainer(ClusterFixture.name("web-0"))
      await fixture.cluster.settle()
      await fixture.expect(.conflict) { _ = try await fixture.sh("true", containerID: first) }
      await fixture.expect(.notFound) { _ = try await fixture.sh("true", pod: "web-9") }
      await fixture.expect(.invalid) {
        _ = try await fixture.cluster.exec(
          ClusterFixture.name("web-0"), ExecRequest(container: "other", command: ["true"]))
      }
      await fixture.expect(.invalid) {
        _ = try await fixture.cluster.exec(ClusterFixture.name("web-0"), ExecRequest(command: []))
      }
    }
  }

  @Test("kills a command that exceeds its time, whatever it ignores, and starts the next one")
  func timeout() async throws {
    var options = EmbeddedCluster.Options()
    options.concurrentScripts = 1
    try await Self.withPod(options: options) { fixture in
      // The second process leaves its session, but still ends with the sandbox.
      let script = """
        trap '' TERM HUP INT
        setsid sh -c 'trap "" TERM; while :; do echo x >>/opt/beat; sleep 0.01; done' &
        touch /opt/on; while :; do sleep 600; done
        """
      let waiting = Task {
        try await fixture.cluster.exec(
          ClusterFixture.name("web-0"), ExecRequest(command: ["sh", "-c", script], timeout: .seconds(5)))
      }
      let root = "\(fixture.directory)/pods/default/web-0"
      while !["on", "beat"].allSatisfy({ FileManager.default.fileExists(atPath: "\(root)/opt/\($0)") }) {
        await Task.yield()
      }
      while fixture.clock.sleeperCount == 0 { await Task.yield() }
      fixture.clock.advance(by: .seconds(6))
      await fixture.expect(.timeout) { _ = try await waiting.value }
      // The file would be written a hundred times a second if any process were left.
      let after = try await fixture.sh("wc -c </opt/beat; sleep 0.2; wc -c </opt/beat")
      let sizes = after.out.split(separator: "\n")
      #expect(sizes.count == 2 && sizes[0] == sizes[1], "\(after.out)")
      let id = try #require(try await fixture.pod("web-0").containerID.flatMap(ContainerState.id))
      #expect(try SafeFolder.names(in: "\(fixture.directory)/run/\(id)") == ["prepared"])
    }
  }

  @Test("does not count the time that a command waits for others")
  func timeoutInTheQueue() async throws {
    var options = EmbeddedCluster.Options()
    options.concurrentScripts = 1
    try await Self.withPod(options: options) { fixture in
      let first = Task { try await fixture.sh("touch /opt/on; until [ -e /opt/go ]; do sleep 0.01; done") }
      let root = "\(fixture.directory)/pods/default/web-0"
      while !FileManager.default.fileExists(atPath: "\(root)/opt/on") { await Task.yield() }
      let second = Task {
        try await fixture.cluster.exec(
          ClusterFixture.name("web-0"), ExecRequest(command: ["touch", "/opt/second"], timeout: .seconds(5)))
      }
      fixture.clock.advance(by: .seconds(6))
      try Data().write(to: URL(fileURLWithPath: "\(root)/opt/go"))
      #expect(try await first.value.exitCode == 0)
      #expect(try await second.value.exitCode == 0)
      #expect(try await fixture.sh("test -e /opt/second").exitCode == 0)
    }
  }

  @Test("kills a command with its container")
  func diesWithContainer() async throws {
    try await Self.withPod { fixture in
      let waiting = Task { try await fixture.sh("mkdir -p /opt/a; sleep 600 & sleep 600") }
      let marker = "\(fixture.directory)/pods/default/web-0/opt/a"
      while !FileManager.default.fileExists(atPath: marker) { await Task.yield() }
      try await fixture.cluster.delete(.pods, ClusterFixture.name("web-0"), .none)
      await fixture.expect(.notRunning) { _ = try await waiting.value }
      await fixture.cluster.settle()
      #expect(try await fixture.pods() == ["web-0 app:1 ready"])
      #expect(!FileManager.default.fileExists(atPath: marker))
    }
  }

  @Test("does not affect the next pod of the same name if a pod is deleted just before a command starts")
  func podGoesBeforeCommand() async throws {
    try await Self.withPod { fixture in
      let cluster = fixture.cluster
      let request = ExecRequest(command: ["touch", "/opt/late"])
      let reserved = try await cluster.reserve(ClusterFixture.name("web-0"), request)
      try await cluster.delete(.pods, ClusterFixture.name("web-0"), .none)
      await cluster.settle()
      try await fixture.sh("echo mine >/opt/mine")
      await fixture.expect(.notRunning) {
        _ = try await cluster.executor.begin(reserved, request, nil, Slot(cluster.executor.slots))
      }
      #expect(try await fixture.sh("ls /opt; cat /opt/mine").out.hasSuffix("mine\nmine\n"))
      #expect(!cluster.worker.files.reserved.hasEnded(reserved.rootID), "nothing is kept of it")
      #expect(SafeFolder.kind("\(fixture.directory)/run/\(reserved.rootID)") == nil)
    }
  }

  @Test("runs no more scripts at once than allowed; the others wait")
  func turns() async throws {
    var options = EmbeddedCluster.Options()
    options.concurrentScripts = 1
    try await Self.withPod(options: options) { fixture in
      let script = "mkdir /opt/alone || exit 1; sleep 0.02; rmdir /opt/alone"
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<5 { group.addTask { try await fixture.sh(script).exitCode } }
        for try await code in group { #expect(code == 0) }
      }
    }
  }

  @Test("counts a pod's files before a command starts without delaying other work on the folders of pods")
  func countingDelaysNothing() async throws {
    try await Self.withPod { fixture in
      let cluster = fixture.cluster
      let proc = ClusterFixture.temporaryFolder()
      defer { ClusterFixture.remove(proc) }
      // Reading this blocks until the test closes it.
      let memory = "\(proc)/meminfo"
      #expect(mkfifo(memory, 0o600) == 0)
      let runner = ScriptRunner(
        sandbox: cluster.worker.runner.sandbox,
        watch: ResourceWatch(limits: SandboxLimits(), proc: proc) { .zero }, cgroups: nil)
      let executor = CommandExecutor(
        files: cluster.worker.files, runner: runner, slots: SlotQueue(1), time: cluster.time)
      let request = ExecRequest(command: ["sh", "-c", "exit 3"])
      let target = try await cluster.reserve(ClusterFixture.name("web-0"), request)
      let command = Task { try await executor.begin(target, request, nil, Slot(executor.slots)) }
      var blocker: Int32 = -1
      while blocker < 0 {
        blocker = open(memory, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        await Task.yield()
      }
      let work = Task {
        try await executor.files.run(for: target.spec.uid) { _ in mkdir("\(proc)/done", 0o700) }
      }
      let end = ContinuousClock.now + .seconds(20)
      while SafeFolder.kind("\(proc)/done") == nil, ContinuousClock.now < end { await Task.yield() }
      #expect(SafeFolder.kind("\(proc)/done") == .folder, "the count delays it")
      try Data().write(to: URL(fileURLWithPath: memory), options: .atomic)
      close(blocker)
      #expect(try await work.value == 0)
      guard case .exited(code: 3, _, _) = try await command.value.ending.wait() else {
        Issue.record("the command did not run")
        return
      }
    }
  }

  @Test("uses the pod's folder as the root of a script even if the sandbox is switched off")
  func unsandboxed() async throws {
    try await ClusterFixture.with(images: [Self.image], sandbox: .none) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      let result = try await fixture.sh("cat /srv/version; ls /root; echo mine >/opt/x; exit 4")
      #expect(result.out == "1\n")
      #expect(result.exitCode == 4)
      #expect(FileManager.default.fileExists(atPath: "\(fixture.directory)/pods/default/web-0/opt/x"))
      try await fixture.cluster.delete(.statefulSets, ClusterFixture.name("web"), .none)
      await fixture.cluster.settle()
      #expect(FileManager.default.fileExists(atPath: "/usr/bin/env"))
    }
  }

  @Test("refuses scripts in a cluster without scripts")
  func noScripts() async throws {
    try await ClusterFixture.with { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1))
      await fixture.cluster.settle()
      await fixture.expect(.unsupported) { try await fixture.sh("true") }
    }
  }

  @Test("keeps a flock of one command visible to another")
  func locks() async throws {
    try await Self.withPod { fixture in
      async let holder = fixture.sh(
        "exec 9>/opt/lock; flock 9; touch /opt/held; until [ -e /opt/tried ]; do sleep 0.01; done")
      let tried = try await fixture.sh(
        "until [ -e /opt/held ]; do sleep 0.01; done; exec 9>/opt/lock; flock -n 9; code=$?; touch /opt/tried; exit $code"
      )
      #expect(tried.exitCode == 1)
      #expect(try await holder.exitCode == 0)
      #expect(try await fixture.sh("exec 9>/opt/lock; flock -n 9").exitCode == 0)
    }
  }

  @Test("limits processes, memory, files and shared memory")
  func limits() async throws {
    var options = EmbeddedCluster.Options()
    options.limits.processes = 30
    options.limits.memory = 200 << 20
    options.limits.fileSize = 1 << 20
    options.limits.sharedMemory = 1 << 20
    options.limits.cpuSeconds = 1
    try await Self.withPod(options: options) { fixture in
      let forks = try await fixture.sh("i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; echo all")
      #expect(!forks.out.contains("all"))
      #expect(
        try await fixture.sh("head -c 400000000 /dev/zero | tail -c 400000000 >/dev/null").exitCode != 0)
      #expect(try await fixture.sh("head -c 2000000 /dev/zero >/opt/big").exitCode != 0)
      #expect(
        try await fixture.sh("head -c 900000 /dev/zero >/dev/shm/a && head -c 900000 /dev/zero >/dev/shm/b")
          .exitCode != 0)
      let devices = try await fixture.sh(
        "echo x >/dev/null && echo x >/dev/shm/c && ! (echo x >/dev/fill) 2>/dev/null && ! mkdir /dev/fill 2>/dev/null"
      )
      #expect(devices.exitCode == 0, "\(devices.err)")
      #expect(try await fixture.sh("while :; do :; done").exitCode == 137)
    }
  }
}

extension ExecResult {
  var out: String { String(decoding: stdout, as: UTF8.self) }
  var err: String { String(decoding: stderr, as: UTF8.self) }
}

extension String {
  var trimmed: String { String(split(whereSeparator: \.isWhitespace).joined(separator: " ")) }
}

extension ClusterFixture {
  @discardableResult
  func sh(
    _ script: String, stdin: String = "", pod: String = "web-0", shell: String = "sh", limit: Int = 64 << 10,
    containerID: String? = nil
  ) async throws(APIError) -> ExecResult {
    try await cluster.exec(
      Self.name(pod),
      ExecRequest(
        command: [shell, "-c", script], stdin: Array(stdin.utf8), outputLimit: limit, containerID: containerID
      ))
  }

  func expect(
    _ kind: APIError.Kind, _ location: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
  ) async {
    do {
      try await body()
      Issue.record("nothing was thrown, expected \(kind)", sourceLocation: location)
    } catch let error as APIError {
      #expect(error.kind == kind, "\(error)", sourceLocation: location)
    } catch {
      Issue.record(error, sourceLocation: location)
    }
  }
}
