import ClusterAPI
import FoundationEssentials
import Glibc
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

@Suite(
  "Total resource limits of a script", .enabled(if: Machine.hasBubblewrap, "bubblewrap is not installed"))
struct LimitTests {
  private static func withPod(
    memory: Int = 1 << 30, disk: Int = 1 << 30, spec: JSON = [:],
    _ body: @escaping @Sendable (ClusterFixture) async throws -> Void
  ) async throws {
    var options = EmbeddedCluster.Options()
    options.limits.totalMemory = memory
    options.limits.totalDisk = disk
    try await ClusterFixture.with(sandbox: .bubblewrap, options: options) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1, spec: spec))
      await fixture.cluster.settle()
      try await body(fixture)
    }
  }

  /// Runs a script that uses too much, and then does nothing for ten minutes.
  private static func reason(_ fixture: ClusterFixture, _ script: String) async -> String {
    do {
      let result = try await fixture.sh("\(script)\nsleep 600")
      return "exit \(result.exitCode)"
    } catch {
      return error.kind == .limitExceeded ? error.message : "\(error)"
    }
  }

  /// Holds 40 MB in each of six processes, none of which exceeds a limit.
  private static let sixProcesses = """
    for i in 1 2 3 4 5 6; do { head -c 40000000 /dev/zero; sleep 600; } | tail -c 40000000 >/dev/null & done
    """

  @Test("end many processes together that each use little, and the reason names the limit")
  func memory() async throws {
    try await Self.withPod(memory: 100 << 20) { fixture in
      let reason = await Self.reason(fixture, Self.sixProcesses)
      #expect(reason.hasPrefix("Pod default/web-0: its processes together used "), "\(reason)")
      #expect(reason.hasSuffix(" of memory; 100 MiB are allowed (scripts.memory)"), "\(reason)")
      let next = try await fixture.sh("echo next")
      #expect(next.out == "next\n")
    }
  }

  @Test(
    "end processes that replace each other every few milliseconds",
    .enabled(if: hasPerl, "perl is not installed"))
  func quickProcesses() async throws {
    try await Self.withPod(memory: 150 << 20) { fixture in
      let program = """
        for (1 .. 12) {
          next if fork();
          my $text = "x" x 30_000_000;
          for (1 .. 100_000) { exit 0 if fork(); select(undef, undef, undef, 0.005); substr($text, 4096 * $_, 1) = "y" }
        }
        sleep 600;
        """
      let reason = await Self.reason(fixture, "perl -e '\(program)'")
      #expect(reason.contains("its processes together used"), "\(reason)")
    }
  }

  @Test("do not count shared memory twice")
  func sharedMemory() async throws {
    try await Self.withPod(memory: 150 << 20) { fixture in
      // The shell's variable is inherited by each of the five processes, and written by none.
      let script = """
        text=$(head -c 20000000 /dev/zero | tr '\\0' x)
        for i in 1 2 3 4 5 6 7 8 9 10; do (sleep 1; :) & done
        wait; echo fine
        """
      let result = try await fixture.sh(script)
      #expect(result.out == "fine\n", "\(result.err)")
    }
  }

  @Test(
    "end a script with many small files in the pod's root or on a volume, with a reason",
    arguments: ["/opt", "/data"])
  func disk(folder: String) async throws {
    let claim: JSON = [
      "metadata": ["name": "p"],
      "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]]],
    ]
    let spec: JSON = [
      "volumeClaimTemplates": [claim],
      "template": [
        "spec": [
          "containers": [
            [
              "name": "app", "image": "registry.example/app:1",
              "volumeMounts": [["name": "p", "mountPath": "/data"]],
            ]
          ]
        ]
      ],
    ]
    try await Self.withPod(disk: 20 << 20, spec: spec) { fixture in
      let reason = await Self.reason(
        fixture, "for i in 1 2 3 4 5 6 7 8; do head -c 4000000 /dev/zero >\(folder)/file$i; done")
      #expect(
        reason.hasPrefix(
          "Pod default/web-0: the pod's files and volumes take more than the 20 MiB of disk that are allowed"),
        "\(reason)")
    }
  }

  @Test("count files that are deleted and still open")
  func deletedFiles() async throws {
    try await Self.withPod(disk: 20 << 20) { fixture in
      let reason = await Self.reason(
        fixture, "exec 8>/opt/gone; rm /opt/gone; head -c 40000000 /dev/zero >&8")
      #expect(reason.contains("of disk that are allowed"), "\(reason)")
    }
  }

  @Test(
    "prevent memory that no process shows as its own", .enabled(if: hasPerl, "perl is not installed"))
  func hiddenMemory() async throws {
    try await Self.withPod { fixture in
      let program = """
        my $name = "x"; my ($memfd, $shmget) = `uname -m` =~ /x86_64/ ? (319, 29) : (279, 194);
        print syscall($memfd, $name, 0) < 0 ? "no memfd, " : "memfd, ";
        print syscall($shmget, 0, 1 << 20, 01600) < 0 ? "no large segment, " : "large segment, ";
        print syscall($shmget, 0, 1 << 33, 01600) < 0 ? "no huge segment, " : "huge segment, ";
        print syscall($shmget, 0, 4096, 01600) < 0 ? "no small segment" : "small segment";
        """
      let result = try await fixture.cluster.exec(
        ClusterFixture.name("web-0"), ExecRequest(command: ["perl", "-e", program]))
      #expect(result.out == "no memfd, no large segment, no huge segment, small segment", "\(result.err)")
    }
  }

  private static let hasPerl = access("/usr/bin/perl", X_OK) == 0

  @Test(
    "prevent a script from tracing another process or reading its memory or descriptors by system calls",
    .enabled(if: hasPerl, "perl is not installed"))
  func otherProcesses() async throws {
    try await Self.withPod { fixture in
      // Without the filter, a kernel returns EPERM, ESRCH, EBADF or no error for these arguments.
      let program = """
        use Errno; my @calls = `uname -m` =~ /x86_64/ ? (101, 310, 311, 438) : (117, 270, 271, 438);
        for (@calls) { $! = 0; syscall($_, 17, 1, 0, 0, 0, 0); print $!{ENOSYS} ? "refused " : "$_: $! " }
        """
      let result = try await fixture.cluster.exec(
        ClusterFixture.name("web-0"), ExecRequest(command: ["perl", "-e", program]))
      #expect(result.out == "refused refused refused refused ", "\(result.err)")
    }
  }

  @Test("end a script with endlessly nested folders, even if it has removed their permissions")
  func deepFolders() async throws {
    try await Self.withPod { fixture in
      let reason = await Self.reason(
        fixture, "cd /opt; i=0; while [ $i -lt 200 ]; do mkdir d; cd d; i=$((i+1)); done; chmod 0 /opt/d")
      #expect(reason.contains("folders that are more than 128 deep"), "\(reason)")
    }
  }

  @Test("end a script of a dead daemon through the next one, and a repeated request gets the reason")
  func adopted() async throws {
    try await Self.withPod { fixture in
      let cluster = fixture.cluster
      #expect(try await fixture.sh("true").exitCode == 0)
      let root = "\(fixture.directory)/pods/default/web-0"
      let place = try await fixture.startOrphan(
        "\(Self.sixProcesses)\nsleep 600", record: CommandRecord(measured: [root]))
      while cluster.worker.files.folders.adoptable().isEmpty { await Task.yield() }

      var limits = SandboxLimits()
      limits.totalMemory = 100 << 20
      let watch = ResourceWatch(limits: limits) { .zero }
      for command in cluster.worker.files.folders.adoptable() {
        #expect(command.record.measured == [root])
        watch.add(command)
      }
      while SafeFolder.kind(place) != nil { await Task.yield() }
      // The response to the engine's second request for a script that was killed.
      let reason = await Self.reason(fixture, "exit 137")
      #expect(reason.contains("its processes together used"), "\(reason)")
      #expect(await Self.reason(fixture, "exit 137") == "exit 137", "reported once")
    }
  }

  // MARK: Counting

  @Test("count the processes below the sandbox, including swapped memory")
  func processTree() throws {
    let proc = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(proc) }
    func make(_ process: Int, _ parent: Int, rss: Int, swap: Int = 0, pss: Int? = nil) throws {
      let folder = "\(proc)/\(process)"
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let middle = Array(repeating: "0", count: 19).joined(separator: " ")
      try write("\(process) (a) ) b) S \(parent) \(middle) \(rss / 4) 0", to: "\(folder)/stat")
      try write("Name:\tx\nVmRSS:\t  \(rss) kB\nVmSwap:\t\(swap) kB\n", to: "\(folder)/status")
      if let pss { try write("Rss: 9 kB\nPss:  \(pss) kB\nSwapPss: 0 kB\n", to: "\(folder)/smaps_rollup") }
    }
    try make(10, 1, rss: 4)
    try make(11, 10, rss: 12, swap: 5, pss: 4)
    try make(12, 11, rss: 20, pss: 8)
    try make(20, 1, rss: 1_000)
    let tree = ProcessTree(proc: proc)
    let members = tree.members(from: 10)
    #expect(members == [10, 11, 12])
    let use = ProcessUse(proc: proc)
    #expect(use.memory(of: members, in: tree, limit: 1 << 20) == 41 << 10)
    // Above the limit, each process counts with its share, and with all of its memory if the share is
    // unreadable.
    let shares = use.memory(of: members, in: tree, limit: 30 << 10)
    #expect(shares >= 16 << 10 && shares < 20 << 10)
    // A process that has ended meanwhile counts as the remaining ones do.
    try FileManager.default.removeItem(atPath: "\(proc)/12")
    let left = use.memory(of: members, in: tree, limit: 30 << 10)
    #expect(left > 12 << 10 && left < 36 << 10)
  }

  @Test("count a file once for any number of names, and a symbolic link without its target")
  func diskUse() throws {
    let folder = ClusterFixture.temporaryFolder()
    defer { ClusterFixture.remove(folder) }
    try write(String(repeating: "x", count: 1 << 20), to: "\(folder)/one")
    link("\(folder)/one", "\(folder)/two")
    symlink("/usr", "\(folder)/usr")
    symlink(folder, "\(folder)/self")
    var use = DiskUse(limit: 1 << 30, depth: 9)
    use.add(folder)
    use.add("\(folder)/nowhere")
    use.add("\(folder)/self")
    #expect(use.bytes >= 1 << 20 && use.bytes < 1 << 20 + 5 * DiskUse.entry)
    #expect(use.excess == nil)
    var small = DiskUse(limit: 1 << 19, depth: 9)
    small.add(folder)
    #expect(small.excess == .disk(limit: 1 << 19))
  }

  private func write(_ text: String, to path: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path))
  }
}

@Suite("cgroups of scripts")
struct ScriptCgroupTests {
  /// A machine's `/proc/self` and cgroup v2, as files.
  private struct Host {
    let folder = ClusterFixture.temporaryFolder()
    var proc: String { "\(folder)/proc" }
    var mount: String { "\(folder)/cgroup" }

    init(own: String, controllers: String, at path: String) throws {
      try FileManager.default.createDirectory(atPath: proc, withIntermediateDirectories: true)
      try write(
        "24 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
          + "25 1 0:2 / \(mount) rw,nosuid - cgroup2 cgroup2 rw\n", to: "\(proc)/mountinfo")
      try write("9:name=systemd:/\n4:memory:/x\n0::\(own)\n", to: "\(proc)/cgroup")
      try FileManager.default.createDirectory(atPath: mount + path, withIntermediateDirectories: true)
      try write(controllers, to: "\(mount)\(path)/cgroup.controllers")
    }

    func write(_ text: String, to path: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    func text(_ path: String) -> String? { FileText.read("\(mount)/\(path)") }

    func prepare() -> Result<ScriptCgroups, CgroupLack> {
      do { return .success(try ScriptCgroups.prepare(proc: proc, process: 42)) } catch {
        return .failure(error)
      }
    }
  }

  @Test("are unavailable with a reason on a machine whose controllers are in cgroup v1")
  func hybrid() throws {
    let host = try Host(own: "/", controllers: "hugetlb\n", at: "")
    defer { ClusterFixture.remove(host.folder) }
    guard case .failure(let lack) = host.prepare() else {
      Issue.record("found one")
      return
    }
    #expect(lack.description.hasPrefix("cgroup v2 has no memory controller at \(host.mount)"))
  }

  @Test("are unavailable with a reason on a machine without cgroup v2")
  func none() throws {
    let host = try Host(own: "/", controllers: "memory", at: "")
    defer { ClusterFixture.remove(host.folder) }
    try host.write(
      "24 1 0:1 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", to: "\(host.proc)/mountinfo")
    #expect(host.prepare() == .failure(CgroupLack(description: "cgroup v2 is not mounted")))
  }

  @Test("limit memory, swap and processes, and are entered before the sandbox is created")
  func limits() throws {
    let host = try Host(own: "/app", controllers: "cpu memory pids\n", at: "/app")
    defer { ClusterFixture.remove(host.folder) }
    let cgroups = try host.prepare().get()
    #expect(cgroups.folder == "\(host.mount)/app")
    var limits = SandboxLimits()
    limits.totalMemory = 123 << 20
    limits.processes = 10
    let cgroup = try cgroups.make("a", limits)
    #expect(cgroup.path == "\(host.mount)/app/kdops-run-a")
    #expect(host.text("app/kdops-run-a/memory.max") == "\(123 << 20)")
    #expect(host.text("app/kdops-run-a/memory.swap.max") == "0")
    #expect(host.text("app/kdops-run-a/memory.oom.group") == "1")
    #expect(host.text("app/kdops-run-a/pids.max") == "26")
    try host.write("", to: "\(cgroup.path)/cgroup.procs")
    #expect(Machine.run(cgroup.entering + ["true"]) == 0)
    #expect(Int(host.text("app/kdops-run-a/cgroup.procs")?.trimmed ?? "") != nil)
    #expect(!cgroup.ranOutOfMemory)
    try host.write("low 0\noom 1\noom_kill 3\n", to: "\(cgroup.path)/memory.events")
    #expect(cgroup.ranOutOfMemory)
  }

  @Test("are beside a daemon that runs in a subgroup of its unit, and old leftovers are removed")
  func subgroup() throws {
    let host = try Host(
      own: "/system.slice/kdops.service/daemon", controllers: "memory", at: "/system.slice/kdops.service")
    defer { ClusterFixture.remove(host.folder) }
    let left = "\(host.mount)/system.slice/kdops.service/kdops-run-old"
    let new = "\(host.mount)/system.slice/kdops.service/kdops-run-new"
    for folder in [left, new] {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }
    try FileManager.default.setAttributes([.modificationDate: Date() - 100], ofItemAtPath: left)
    let cgroups = try host.prepare().get()
    #expect(cgroups.folder == "\(host.mount)/system.slice/kdops.service")
    #expect(SafeFolder.kind(left) == nil)
    #expect(SafeFolder.kind(new) == .folder, "another process may be about to use it")
  }

  @Test("leave the daemon in place if children cannot be limited, and the message says what a unit needs")
  func undelegated() throws {
    let host = try Host(own: "/app", controllers: "memory", at: "/app")
    defer { ClusterFixture.remove(host.folder) }
    // A folder in place of a file, which cannot be written.
    mkdir("\(host.mount)/app/cgroup.subtree_control", 0o755)
    guard case .failure(let lack) = host.prepare() else {
      Issue.record("found one")
      return
    }
    #expect(lack.description.contains("Delegate=yes"))
    #expect(host.text("app/cgroup.procs") == "42")
  }

  @Test("describe an end by the kernel in words, with and without an exit code")
  func words() {
    #expect(
      ResourceExcess.memory(used: nil, limit: 2 << 30).description
        == "its processes together reached the 2 GiB of memory that are allowed (scripts.memory)")
    #expect(
      ResourceExcess.memory(used: 5 << 29, limit: 1_600 << 20).description
        == "its processes together used 2.5 GiB of memory; 1.5 GiB are allowed (scripts.memory)")
  }
}
