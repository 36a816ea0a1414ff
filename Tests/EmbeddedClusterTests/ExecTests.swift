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
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    try await World.with(images: [image], sandbox: .bubblewrap, options: options) { world in
      _ = try await world.cluster.create(
        World.set("web", replicas: replicas, container: container, spec: spec))
      await world.cluster.settle()
      try await body(world)
    }
  }

  @Test("returns a command's exit code and both streams")
  func streams() async throws {
    try await Self.withPod { world in
      let result = try await world.sh("cat; echo bad >&2; exit 7", stdin: "fed")
      #expect(result.exitCode == 7)
      #expect(result.out == "fed")
      #expect(result.err == "bad\n")
    }
  }

  @Test("returns 128 plus the signal for a command that is killed by a signal")
  func signal() async throws {
    try await Self.withPod { world in
      let result = try await world.sh("kill -9 $$")
      #expect(result.exitCode == 137)
    }
  }

  @Test("returns 127 for a missing program, as a shell does")
  func missingProgram() async throws {
    try await Self.withPod { world in
      let result = try await world.cluster.exec(
        World.name("web-0"), ExecRequest(command: ["/no/such/program"]))
      #expect(result.exitCode == 127)
    }
  }

  @Test("shows a script only programs of the host: no home, files, environment, network or processes")
  func nothingOfTheHost() async throws {
    try await Self.withPod { world in
      let top = try await world.sh("ls -A /")
      #expect(
        Set(top.out.split(separator: "\n").map(String.init)).isDisjoint(with: [
          "root", "home", "work", "mnt", "sys", "boot",
        ]),
        "\(top.out)")
      #expect(
        try await world.sh("ls -A /etc").out.split(separator: "\n").sorted() == [
          "alternatives", "group", "hostname", "hosts", "nsswitch.conf", "passwd",
        ])
      #expect(
        try await world.sh("env | cut -d= -f1 | sort | tr '\\n' ' '").out == "HOME HOSTNAME LANG PATH PWD ")
      #expect(try await world.sh("cat /proc/net/dev | tail -n +3 | cut -d: -f1 | tr -d ' '").out == "lo\n")
      #expect(try await world.sh("exec 3<>/dev/tcp/127.0.0.1/22", shell: "bash").exitCode != 0)
      let processes = try await world.sh("ls -d /proc/[0-9]* | wc -l")
      #expect(processes.out.trimmed.utf8.count == 1, "\(processes.out)")
      #expect(try await world.sh("ls /proc/self/fd | tr '\\n' ' '").out == "0 1 2 3 ")
      #expect(try await world.sh("hostname; cat /etc/hostname").out == "web-0\nweb-0\n")
    }
  }

  @Test("lets a script write only in its own folders, without any privileges")
  func readOnlyHost() async throws {
    try await Self.withPod { world in
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
      let result = try await world.sh(command)
      #expect(result.out == "0\n", "\(result.out) \(result.err)")
      #expect(FileManager.default.fileExists(atPath: "\(world.directory)/pods/default/web-0/data/x"))
    }
  }

  @Test("provides the image's files in the root, with its config package packed")
  func imageFiles() async throws {
    try await Self.withPod { world in
      let result = try await world.sh(
        "cat /srv/version; cd /tmp; tar xzf /opt/configscripts/appconfig.tgz; appconfig/startscript")
      #expect(result.out == "1\nhello\n", "\(result.err)")
      #expect(try await world.sh("ls /opt/configscripts").out == "appconfig.tgz\n")
    }
  }

  @Test("provides the container's own environment")
  func ownEnvironment() async throws {
    let container: JSON = ["env": [["name": "GREETING", "value": "a b$(id)"]]]
    try await Self.withPod(container: container) { world in
      let result = try await world.sh("printf %s \"$GREETING\"")
      #expect(result.out == "a b$(id)")
    }
  }

  @Test("hides the files of other pods")
  func podsApart() async throws {
    try await Self.withPod(replicas: 2) { world in
      _ = try await world.sh("echo secret >/opt/mine")
      let other = try await world.sh("cat /opt/mine /proc/1/root/opt/mine; ls /mnt", pod: "web-1")
      #expect(!other.out.contains("secret"))
      #expect(other.exitCode != 0)
    }
  }

  @Test("drops output beyond the limit, and the command continues")
  func cappedOutput() async throws {
    try await Self.withPod { world in
      let result = try await world.sh(
        "head -c 5000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 3", limit: 1000)
      #expect(result.exitCode == 3)
      #expect(result.stdout.count == 1000)
      #expect(result.stderr.count == 1000)
    }
  }

  @Test("refuses a command if the container was replaced or none runs")
  func preconditions() async throws {
    try await Self.withPod { world in
      let first = try #require(try await world.pod("web-0").containerID)
      #expect(try await world.sh("true", containerID: first).exitCode == 0)
      try await world.cluster.killContainer(World.name("web-0"))
      await world.cluster.settle()
      await world.expect(.conflict) { _ = try await world.sh("true", containerID: first) }
      await world.expect(.notFound) { _ = try await world.sh("true", pod: "web-9") }
      await world.expect(.invalid) {
        _ = try await world.cluster.exec(
          World.name("web-0"), ExecRequest(container: "other", command: ["true"]))
      }
      await world.expect(.invalid) {
        _ = try await world.cluster.exec(World.name("web-0"), ExecRequest(command: []))
      }
    }
  }

  @Test("kills a command that exceeds its time, whatever it ignores, and starts the next one")
  func timeout() async throws {
    var options = EmbeddedCluster.Options()
    options.concurrentScripts = 1
    try await Self.withPod(options: options) { world in
      // The second process leaves its session, but still ends with the sandbox.
      let script = """
        trap '' TERM HUP INT
        setsid sh -c 'trap "" TERM; while :; do echo x >>/opt/beat; sleep 0.01; done' &
        touch /opt/on; while :; do sleep 600; done
        """
      let waiting = Task {
        try await world.cluster.exec(
          World.name("web-0"), ExecRequest(command: ["sh", "-c", script], timeout: .seconds(5)))
      }
      let root = "\(world.directory)/pods/default/web-0"
      while !["on", "beat"].allSatisfy({ FileManager.default.fileExists(atPath: "\(root)/opt/\($0)") }) {
        await Task.yield()
      }
      while world.clock.sleeperCount == 0 { await Task.yield() }
      world.clock.advance(by: .seconds(6))
      await world.expect(.timeout) { _ = try await waiting.value }
      // The file would be written a hundred times a second if any process were left.
      let after = try await world.sh("wc -c </opt/beat; sleep 0.2; wc -c </opt/beat")
      let sizes = after.out.split(separator: "\n")
      #expect(sizes.count == 2 && sizes[0] == sizes[1], "\(after.out)")
      let id = try #require(try await world.pod("web-0").containerID.flatMap(ContainerState.id))
      #expect(try SafeFolder.names(in: "\(world.directory)/run/\(id)") == ["prepared"])
    }
  }

  @Test("does not count the time that a command waits for others")
  func timeoutInTheQueue() async throws {
    var options = EmbeddedCluster.Options()
    options.concurrentScripts = 1
    try await Self.withPod(options: options) { world in
      let first = Task { try await world.sh("touch /opt/on; until [ -e /opt/go ]; do sleep 0.01; done") }
      let root = "\(world.directory)/pods/default/web-0"
      while !FileManager.default.fileExists(atPath: "\(root)/opt/on") { await Task.yield() }
      let second = Task {
        try await world.cluster.exec(
          World.name("web-0"), ExecRequest(command: ["touch", "/opt/second"], timeout: .seconds(5)))
      }
      world.clock.advance(by: .seconds(6))
      try Data().write(to: URL(fileURLWithPath: "\(root)/opt/go"))
      #expect(try await first.value.exitCode == 0)
      #expect(try await second.value.exitCode == 0)
      #expect(try await world.sh("test -e /opt/second").exitCode == 0)
    }
  }

  @Test("kills a command with its container")
  func diesWithContainer() async throws {
    try await Self.withPod { world in
      let waiting = Task { try await world.sh("mkdir -p /opt/a; sleep 600 & sleep 600") }
      let marker = "\(world.directory)/pods/default/web-0/opt/a"
      while !FileManager.default.fileExists(atPath: marker) { await Task.yield() }
      try await world.cluster.delete(.pods, World.name("web-0"), .none)
      await world.expect(.notRunning) { _ = try await waiting.value }
      await world.cluster.settle()
      #expect(try await world.pods() == ["web-0 app:1 ready"])
      #expect(!FileManager.default.fileExists(atPath: marker))
    }
  }

  @Test("does not affect the next pod of the same name if a pod is deleted just before a command starts")
  func podGoesBeforeCommand() async throws {
    try await Self.withPod { world in
      let cluster = world.cluster
      let request = ExecRequest(command: ["touch", "/opt/late"])
      let reserved = try await cluster.reserve(World.name("web-0"), request)
      try await cluster.delete(.pods, World.name("web-0"), .none)
      await cluster.settle()
      try await world.sh("echo mine >/opt/mine")
      await world.expect(.notRunning) {
        _ = try await cluster.executor.begin(reserved, request, nil, Slot(cluster.executor.slots))
      }
      #expect(try await world.sh("ls /opt; cat /opt/mine").out.hasSuffix("mine\nmine\n"))
      #expect(!cluster.worker.files.reserved.hasEnded(reserved.rootID), "nothing is kept of it")
      #expect(SafeFolder.kind("\(world.directory)/run/\(reserved.rootID)") == nil)
    }
  }

  @Test("runs no more scripts at once than allowed; the others wait")
  func turns() async throws {
    var options = EmbeddedCluster.Options()
    options.concurrentScripts = 1
    try await Self.withPod(options: options) { world in
      let script = "mkdir /opt/alone || exit 1; sleep 0.02; rmdir /opt/alone"
      try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 0..<5 { group.addTask { try await world.sh(script).exitCode } }
        for try await code in group { #expect(code == 0) }
      }
    }
  }

  @Test("uses the pod's folder as the root of a script even if the sandbox is switched off")
  func unsandboxed() async throws {
    try await World.with(images: [Self.image], sandbox: .none) { world in
      _ = try await world.cluster.create(World.set("web", replicas: 1))
      await world.cluster.settle()
      let result = try await world.sh("cat /srv/version; ls /root; echo mine >/opt/x; exit 4")
      #expect(result.out == "1\n")
      #expect(result.exitCode == 4)
      #expect(FileManager.default.fileExists(atPath: "\(world.directory)/pods/default/web-0/opt/x"))
      try await world.cluster.delete(.statefulSets, World.name("web"), .none)
      await world.cluster.settle()
      #expect(FileManager.default.fileExists(atPath: "/usr/bin/env"))
    }
  }

  @Test("refuses scripts in a cluster without scripts")
  func noScripts() async throws {
    try await World.with { world in
      _ = try await world.cluster.create(World.set("web", replicas: 1))
      await world.cluster.settle()
      await world.expect(.unsupported) { try await world.sh("true") }
    }
  }

  @Test("keeps a flock of one command visible to another")
  func locks() async throws {
    try await Self.withPod { world in
      async let holder = world.sh(
        "exec 9>/opt/lock; flock 9; touch /opt/held; until [ -e /opt/tried ]; do sleep 0.01; done")
      let tried = try await world.sh(
        "until [ -e /opt/held ]; do sleep 0.01; done; exec 9>/opt/lock; flock -n 9; code=$?; touch /opt/tried; exit $code"
      )
      #expect(tried.exitCode == 1)
      #expect(try await holder.exitCode == 0)
      #expect(try await world.sh("exec 9>/opt/lock; flock -n 9").exitCode == 0)
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
    try await Self.withPod(options: options) { world in
      let forks = try await world.sh("i=0; while [ $i -lt 100 ]; do sleep 5 & i=$((i+1)); done; echo all")
      #expect(!forks.out.contains("all"))
      #expect(try await world.sh("head -c 400000000 /dev/zero | tail -c 400000000 >/dev/null").exitCode != 0)
      #expect(try await world.sh("head -c 2000000 /dev/zero >/opt/big").exitCode != 0)
      #expect(
        try await world.sh("head -c 900000 /dev/zero >/dev/shm/a && head -c 900000 /dev/zero >/dev/shm/b")
          .exitCode != 0)
      let devices = try await world.sh(
        "echo x >/dev/null && echo x >/dev/shm/c && ! (echo x >/dev/fill) 2>/dev/null && ! mkdir /dev/fill 2>/dev/null"
      )
      #expect(devices.exitCode == 0, "\(devices.err)")
      #expect(try await world.sh("while :; do :; done").exitCode == 137)
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

extension World {
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
