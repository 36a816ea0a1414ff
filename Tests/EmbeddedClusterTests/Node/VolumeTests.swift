import ClusterAPI
import FoundationEssentials
import Glibc
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

@Suite(
  "Folders, volumes and scripts", .enabled(if: Machine.hasBubblewrap, "bubblewrap is not installed")
)
struct VolumeTests {
  private static let image = ImageCatalog.Entry(
    image: "*", rootfs: Files(["data/file": "from the image", "srv/v": "1"]))
  private static let claim: JSON = ["volumeClaimTemplates": [["metadata": ["name": "p"], "spec": [:]]]]
  private static let mounts: JSON = [
    "volumeMounts": [
      ["name": "p", "mountPath": "/data", "subPath": "data"],
      ["name": "p", "mountPath": "/opt/guestconfig", "subPath": "gc"],
    ]
  ]
  private static let seed: JSON = [
    "initContainers": [
      [
        "name": "seed", "image": "registry.example/app:1",
        "command": ["sh", "-c", "cp -a /data/. /seed/data/; echo $0 $X", "seeded"],
        "env": [["name": "X", "value": "y"]], "volumeMounts": [["name": "p", "mountPath": "/seed"]],
      ]
    ]
  ]

  private static func withPod(
    extra: JSON = [:], options: EmbeddedCluster.Options = .init(),
    _ body: @escaping @Sendable (ClusterFixture) async throws -> Void
  ) async throws {
    try await ClusterFixture.with(images: [image], sandbox: .bubblewrap, options: options) { fixture in
      _ = try await fixture.cluster.create(
        ClusterFixture.set("web", replicas: 1, container: mounts, extra: extra, spec: claim))
      await fixture.cluster.settle()
      try await body(fixture)
    }
  }

  @Test("keep a volume after its pod, but not the rest of the pod's folder")
  func survival() async throws {
    try await Self.withPod { fixture in
      try await fixture.sh("echo kept >/data/mine; echo kept >/opt/guestconfig/status; echo lost >/opt/other")
      #expect(
        FileManager.default.fileExists(atPath: "\(fixture.directory)/volumes/default/p-web-0/data/mine"))
      try await fixture.cluster.delete(.pods, ClusterFixture.name("web-0"), .none)
      await fixture.cluster.settle()
      let after = try await fixture.sh("cat /data/mine /opt/guestconfig/status /opt/other")
      #expect(after.out == "kept\nkept\n")
      #expect(after.exitCode == 1)
      try await fixture.cluster.delete(.statefulSets, ClusterFixture.name("web"), .none)
      await fixture.cluster.settle()
      #expect(!FileManager.default.fileExists(atPath: "\(fixture.directory)/pods/default/web-0"))
      #expect(
        FileManager.default.fileExists(atPath: "\(fixture.directory)/volumes/default/p-web-0/data/mine"))
    }
  }

  @Test("keep a deleted claim while a pod uses it, then delete it with the volume's content")
  func end() async throws {
    try await Self.withPod { fixture in
      let claim = ClusterFixture.name("p-web-0")
      let volume = "\(fixture.directory)/volumes/default/p-web-0"
      try await fixture.sh("echo kept >/data/mine")
      try await fixture.cluster.delete(.volumeClaims, claim, .none)
      await fixture.cluster.settle()
      #expect(try await fixture.cluster.get(.volumeClaims, claim).isBeingDeleted)
      #expect(try await fixture.sh("cat /data/mine").out == "kept\n")
      // The set creates another pod, which waits for another volume.
      let before = try await fixture.cluster.get(.volumeClaims, claim).uid
      try await fixture.cluster.delete(.pods, ClusterFixture.name("web-0"), .none)
      await fixture.cluster.settle()
      let after = try await fixture.cluster.get(.volumeClaims, claim)
      #expect(after.uid != before && !after.isBeingDeleted)
      #expect(try await fixture.sh("cat /data/mine").exitCode == 1)
      #expect(FileManager.default.fileExists(atPath: "\(volume)/data"))
    }
  }

  @Test("give a restarted container a fresh root and its volumes")
  func restart() async throws {
    try await Self.withPod { fixture in
      try await fixture.sh("echo kept >/data/mine; echo lost >/opt/other")
      try await fixture.cluster.killContainer(ClusterFixture.name("web-0"))
      await fixture.cluster.settle()
      #expect(try await fixture.sh("cat /data/mine /opt/other").out == "kept\n")
    }
  }

  @Test("let an init container fill a volume from the image before the others start")
  func seeding() async throws {
    try await Self.withPod(extra: Self.seed) { fixture in
      #expect(try await fixture.sh("cat /data/file").out == "from the image")
      let status = try await fixture.pod("web-0").json["status"]?["initContainerStatuses"]?[0]
      #expect(status?["state"]?["terminated"]?["exitCode"]?.integer == 0)
      #expect(try SafeFolder.names(in: "\(fixture.directory)/run").count == 1)
    }
  }

  @Test("retry a failed init container, and the pod waits")
  func failingSeed() async throws {
    let failing: JSON = [
      "initContainers": [
        ["name": "seed", "image": "registry.example/app:1", "command": ["sh", "-c", "exit 4"]]
      ]
    ]
    try await Self.withPod(extra: failing) { fixture in
      let seed = try await fixture.pod("web-0").json["status"]?["initContainerStatuses"]?[0]
      #expect(seed?["state"]?["waiting"]?["reason"]?.string == "CrashLoopBackOff")
      #expect(seed?["lastState"]?["terminated"]?["exitCode"]?.integer == 4)
      await fixture.step(.seconds(10))
      let again = try await fixture.pod("web-0").json["status"]?["initContainerStatuses"]?[0]
      #expect(again?["restartCount"]?.integer == 1)
    }
  }

  private static func initContainer(_ script: String) -> JSON {
    [
      "initContainers": [
        [
          "name": "seed", "image": "registry.example/app:1", "command": ["sh", "-c", .string(script)],
          "volumeMounts": [["name": "p", "mountPath": "/seed"]],
        ]
      ]
    ]
  }

  @Test("run no more init containers at once than scripts; the others wait")
  func initTurns() async throws {
    var options = EmbeddedCluster.Options()
    options.concurrentScripts = 1
    let timed = Self.initContainer("date +%s%N >/seed/begin; sleep 0.3; date +%s%N >/seed/end")
    try await ClusterFixture.with(images: [Self.image], sandbox: .bubblewrap, options: options) { fixture in
      _ = try await fixture.cluster.create(
        ClusterFixture.set("web", replicas: 3, container: Self.mounts, extra: timed, spec: Self.claim))
      await fixture.cluster.settle()
      let times = (0..<3).map { pod in
        ["begin", "end"].map { name in
          let file = "\(fixture.directory)/volumes/default/p-web-\(pod)/\(name)"
          return Int(FileText.read(file)?.trimmed ?? "") ?? 0
        }
      }.sorted { $0[0] < $1[0] }
      #expect(times[0][0] > 0)
      #expect(times[0][1] <= times[1][0] && times[1][1] <= times[2][0], "\(times)")
    }
  }

  @Test("end an init container after ten minutes, and start it again later")
  func initDeadline() async throws {
    let endless = Self.initContainer("touch /seed/on; sleep 3600")
    try await ClusterFixture.with(images: [Self.image], sandbox: .bubblewrap) { fixture in
      _ = try await fixture.cluster.create(
        ClusterFixture.set("web", replicas: 1, container: Self.mounts, extra: endless, spec: Self.claim))
      let mark = "\(fixture.directory)/volumes/default/p-web-0/on"
      while SafeFolder.kind(mark) == nil { await Task.yield() }
      fixture.clock.advance(by: .seconds(601))
      await fixture.cluster.settle()
      let seed = try await fixture.pod("web-0").json["status"]?["initContainerStatuses"]?[0]
      #expect(seed?["state"]?["waiting"]?["reason"]?.string == "CrashLoopBackOff")
      #expect(seed?["lastState"]?["terminated"]?["exitCode"]?.integer == 137)
    }
  }

  @Test("refuse to mount a folder of a volume beside one that contains it, in any spelling")
  func nestedMounts() async throws {
    for (outer, inner) in [("", "x"), ("d", "d/x"), ("d/", "/d//x/y"), ("/d/a", "//d/a/volumes")] {
      let mounts: JSON = [
        "volumeMounts": [
          ["name": "p", "mountPath": "/deep/er", "subPath": .string(inner)],
          ["name": "p", "mountPath": "/vol", "subPath": .string(outer)],
        ]
      ]
      try await ClusterFixture.with(images: [Self.image], sandbox: .bubblewrap) { fixture in
        _ = try await fixture.cluster.create(
          ClusterFixture.set("web", replicas: 1, container: mounts, spec: Self.claim))
        await fixture.cluster.settle()
        #expect(try await !fixture.pod("web-0").isReady, "\(outer) \(inner)")
        await fixture.expect(.notRunning) { try await fixture.sh("true") }
      }
    }
  }

  @Test("do not follow a symbolic link that an init container puts in place of a folder")
  func plantedLinks() async throws {
    let planting: JSON = [
      "initContainers": [
        [
          "name": "seed", "image": "registry.example/app:1",
          "command": ["sh", "-c", "rm -rf /seed/data; ln -s /etc /seed/data"],
          "volumeMounts": [["name": "p", "mountPath": "/seed"]],
        ]
      ]
    ]
    try await ClusterFixture.with(images: [Self.image], sandbox: .bubblewrap) { fixture in
      _ = try await fixture.cluster.create(
        ClusterFixture.set("web", replicas: 1, container: Self.mounts, extra: planting, spec: Self.claim))
      await fixture.cluster.settle()
      #expect(try await !fixture.pod("web-0").isReady)
      await fixture.expect(.notRunning) { try await fixture.sh("cat /data/passwd") }
    }
  }

  @Test("do not follow a symbolic link in a container's root at a mount point")
  func plantedMountPoints() async throws {
    let mounts: JSON = ["volumeMounts": [["name": "p", "mountPath": "/deep/er", "subPath": "x"]]]
    try await ClusterFixture.with(images: [Self.image], sandbox: .bubblewrap) { fixture in
      _ = try await fixture.cluster.create(
        ClusterFixture.set("web", replicas: 1, container: mounts, spec: Self.claim))
      await fixture.cluster.settle()
      try await fixture.sh("mv /deep /moved; ln -s /opt /deep")
      await fixture.expect(.notStarted) { try await fixture.sh("ls /deep/er") }
      #expect(SafeFolder.kind("\(fixture.directory)/pods/default/web-0/opt/er") == nil)
    }
  }

  @Test(
    "change the owner of volumes and roots to the current script user after a change of the daemon's user",
    .enabled(if: geteuid() == 0, "only root may give files away"))
  func otherUser() async throws {
    try await Self.withPod { fixture in
      try await fixture.sh("mkdir /data/d; echo kept >/data/d/mine; echo x >/opt/other")
      let volume = try OpenFolder("\(fixture.directory)/volumes/default/p-web-0")
      let root = try OpenFolder("\(fixture.directory)/pods/default/web-0")
      for folder in [volume, root] { try folder.give(to: FileOwner(user: 4711, group: 4711)) }
      let result = try await fixture.sh(
        "echo more >>/data/d/mine; echo y >>/opt/other; cat /data/d/mine /opt/other; stat -c %u /data/d/mine /opt"
      )
      #expect(result.out == "kept\nmore\nx\ny\n0\n0\n", "\(result.err)")
      #expect(try volume.owner() == Sandbox.unprivileged)
    }
  }

  @Test("keep a volume without a claim as long as its pod, and trust none of its content")
  func ownVolumes() async throws {
    let mount: JSON = ["volumeMounts": [["name": "scratch", "mountPath": "/scratch"]]]
    try await ClusterFixture.with(images: [Self.image], sandbox: .bubblewrap) { fixture in
      _ = try await fixture.cluster.create(ClusterFixture.set("web", replicas: 1, container: mount))
      await fixture.cluster.settle()
      try await fixture.sh("echo mine >/scratch/a")
      try await fixture.cluster.killContainer(ClusterFixture.name("web-0"))
      await fixture.cluster.settle()
      #expect(try await fixture.sh("cat /scratch/a").out == "mine\n")
      try await fixture.cluster.delete(.pods, ClusterFixture.name("web-0"), .none)
      await fixture.cluster.settle()
      #expect(try await fixture.sh("cat /scratch/a").exitCode == 1)
    }
  }

  @Test("are cleaned up at the next start if no pod uses them any more")
  func sweeping() async throws {
    try await Self.withPod { fixture in
      try await fixture.startOrphan("(while :; do echo x >>/data/beat; sleep 0.01; done) & sleep 600")
      let volume = "\(fixture.directory)/volumes/default/p-web-0/data"
      while !FileManager.default.fileExists(atPath: "\(volume)/beat") { await Task.yield() }
      // The same folders, and a store without the pod.
      let other = ClusterFixture.temporaryFolder()
      defer { ClusterFixture.remove(other) }
      for name in ["pods", "run"] {
        try FileManager.default.moveItem(atPath: "\(fixture.directory)/\(name)", toPath: "\(other)/\(name)")
      }
      try await ClusterFixture.reopened(other, runs: false) { again in
        await again.cluster.worker.files.trash.settle()
        for folder in ["run", "pods/default", "trash"] {
          let left = try SafeFolder.names(in: "\(other)/\(folder)")
          #expect(left.isEmpty, "\(folder)")
        }
      }
      let size = try Data(contentsOf: URL(fileURLWithPath: "\(volume)/beat")).count
      #expect(try await fixture.sh("sleep 0.2; wc -c </data/beat").out.trimmed == "\(size)")
    }
  }

  @Test("are removed even without permissions or with endless nesting")
  func hostileFolders() async throws {
    var options = EmbeddedCluster.Options()
    options.limits.folderDepth = 10_000
    try await Self.withPod(options: options) { fixture in
      try await fixture.sh(
        """
        cd /var; i=0
        while [ $i -lt 1200 ]; do mkdir dddddddd && cd dddddddd || break; i=$((i+1)); done
        mkdir -p /opt/locked/in; chmod 0 /opt/locked /opt
        """)
      try await fixture.cluster.delete(.statefulSets, ClusterFixture.name("web"), .none)
      await fixture.cluster.settle()
      await fixture.cluster.worker.files.trash.settle()
      #expect(try SafeFolder.names(in: "\(fixture.directory)/trash").isEmpty)
      #expect(!FileManager.default.fileExists(atPath: "\(fixture.directory)/pods/default/web-0"))
    }
  }

  // MARK: Scripts that outlive their daemon

  @Test("let a script of a dead daemon run to its end, however much it writes")
  func survivor() async throws {
    try await Self.withPod { fixture in
      try await fixture.startOrphan(
        "until [ -e /opt/go ]; do sleep 0.01; done; head -c 1000000 /dev/zero; echo $? >/opt/guestconfig/code"
      )
      let result = try await fixture.sh(
        "touch /opt/go; until [ -s /opt/guestconfig/code ]; do sleep 0.01; done; cat /opt/guestconfig/code")
      #expect(result.out == "0\n")
    }
  }

  @Test("end a script of a dead daemon with its pod, including all its processes")
  func orphanEnds() async throws {
    try await Self.withPod { fixture in
      try await fixture.startOrphan("(while :; do echo x >>/data/beat; sleep 0.01; done) & sleep 600")
      let beat = "\(fixture.directory)/volumes/default/p-web-0/data/beat"
      while !FileManager.default.fileExists(atPath: beat) { await Task.yield() }
      try await fixture.cluster.delete(.pods, ClusterFixture.name("web-0"), .none)
      await fixture.cluster.settle()
      // The file would be written a hundred times a second if any process were left.
      let before = try await fixture.sh("wc -c </data/beat; sleep 0.2; wc -c </data/beat")
      let sizes = before.out.split(separator: "\n")
      #expect(sizes.count == 2 && sizes[0] == sizes[1])
    }
  }

  private enum Left: String, CaseIterable {
    case killed, unreadable, ended, notBegun, alive
  }

  @Test("recreate a container whose script was killed with the daemon, and keep all others")
  func killedWithDaemon() async throws {
    for left in Left.allCases {
      try await Self.withPod { fixture in
        let before = try await fixture.pod("web-0").containerID
        try await Self.leave(left, fixture)
        let first = try Self.folderAfterDeath(fixture)
        defer { ClusterFixture.remove(first) }
        try await ClusterFixture.reopened(first, images: [Self.image], sandbox: .bubblewrap, runs: false) {
          fixture in
          // The daemon dies before it has reacted.
          let second = try Self.folderAfterDeath(fixture)
          defer { ClusterFixture.remove(second) }
          try await ClusterFixture.reopened(second, images: [Self.image], sandbox: .bubblewrap) { again in
            let pod = try await again.pod("web-0")
            let isNew = left == .killed || left == .unreadable
            #expect((pod.containerID != before) == isNew, "\(left)")
            #expect(pod.isReady)
            #expect(pod.app?["restartCount"]?.integer == (isNew ? 1 : 0), "\(left)")
            let code = pod.app?["lastState"]?["terminated"]?["exitCode"]?.integer
            #expect(code == (isNew ? 137 : nil), "\(left)")
            let files = try await again.sh("touch /opt/stop; cat /data/mine /opt/other")
            #expect(files.out == (isNew ? "kept\n" : "kept\nlost\n"), "\(left)")
          }
        }
      }
    }
  }

  /// The folders as the next daemon finds them.
  private static func folderAfterDeath(_ fixture: ClusterFixture) throws -> String {
    let folder = try fixture.asKilled()
    for name in ["pods", "run", "volumes"] {
      try FileManager.default.moveItem(atPath: "\(fixture.directory)/\(name)", toPath: "\(folder)/\(name)")
    }
    return folder
  }

  /// Leaves a command in a pod as a dead daemon could have left it.
  private static func leave(_ left: Left, _ fixture: ClusterFixture) async throws {
    try await fixture.sh("echo kept >/data/mine; echo lost >/opt/other")
    if left == .alive {
      try await fixture.startOrphan(
        "touch /opt/on; until [ -e /opt/stop ]; do sleep 0.01; done")
      let marker = "\(fixture.directory)/pods/default/web-0/opt/on"
      while !FileManager.default.fileExists(atPath: marker) { await Task.yield() }
      return
    }
    let id = try await fixture.pod("web-0").containerID.flatMap(ContainerState.id) ?? ""
    let place = "\(fixture.directory)/run/\(id)/left"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
    func put(_ text: String, _ name: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(place)/\(name)"))
    }
    try put("", "stdin")
    guard left != .notBegun else { return }
    // A number that no process has.
    let fields = (4...52).map(String.init).joined(separator: " ")
    try put(left == .unreadable ? "" : "4194305 (sh) S \(fields)\n", "pid")
    let code = left == .ended ? "{ \"exit-code\": 3 }\n" : ""
    try put("{ \"child-pid\": 4194306 }\n" + code, "status")
  }
}
