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
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    try await World.with(images: [image], sandbox: .bubblewrap, options: options) { world in
      _ = try await world.cluster.create(
        World.set("web", replicas: 1, container: mounts, extra: extra, spec: claim))
      await world.cluster.settle()
      try await body(world)
    }
  }

  @Test("keep a volume after its pod, but not the rest of the pod's folder")
  func survival() async throws {
    try await Self.withPod { world in
      try await world.sh("echo kept >/data/mine; echo kept >/opt/guestconfig/status; echo lost >/opt/other")
      #expect(FileManager.default.fileExists(atPath: "\(world.directory)/volumes/default/p-web-0/data/mine"))
      try await world.cluster.delete(.pods, World.name("web-0"), .none)
      await world.cluster.settle()
      let after = try await world.sh("cat /data/mine /opt/guestconfig/status /opt/other")
      #expect(after.out == "kept\nkept\n")
      #expect(after.exitCode == 1)
      try await world.cluster.delete(.statefulSets, World.name("web"), .none)
      await world.cluster.settle()
      #expect(!FileManager.default.fileExists(atPath: "\(world.directory)/pods/default/web-0"))
      #expect(FileManager.default.fileExists(atPath: "\(world.directory)/volumes/default/p-web-0/data/mine"))
    }
  }

  @Test("keep a deleted claim while a pod uses it, then delete it with the volume's content")
  func end() async throws {
    try await Self.withPod { world in
      let claim = World.name("p-web-0")
      let volume = "\(world.directory)/volumes/default/p-web-0"
      try await world.sh("echo kept >/data/mine")
      try await world.cluster.delete(.volumeClaims, claim, .none)
      await world.cluster.settle()
      #expect(try await world.cluster.get(.volumeClaims, claim).isBeingDeleted)
      #expect(try await world.sh("cat /data/mine").out == "kept\n")
      // The set creates another pod, which waits for another volume.
      let before = try await world.cluster.get(.volumeClaims, claim).uid
      try await world.cluster.delete(.pods, World.name("web-0"), .none)
      await world.cluster.settle()
      let after = try await world.cluster.get(.volumeClaims, claim)
      #expect(after.uid != before && !after.isBeingDeleted)
      #expect(try await world.sh("cat /data/mine").exitCode == 1)
      #expect(FileManager.default.fileExists(atPath: "\(volume)/data"))
    }
  }

  @Test("give a restarted container a fresh root and its volumes")
  func restart() async throws {
    try await Self.withPod { world in
      try await world.sh("echo kept >/data/mine; echo lost >/opt/other")
      try await world.cluster.killContainer(World.name("web-0"))
      await world.cluster.settle()
      #expect(try await world.sh("cat /data/mine /opt/other").out == "kept\n")
    }
  }

  @Test("let an init container fill a volume from the image before the others start")
  func seeding() async throws {
    try await Self.withPod(extra: Self.seed) { world in
      #expect(try await world.sh("cat /data/file").out == "from the image")
      let status = try await world.pod("web-0").json["status"]?["initContainerStatuses"]?[0]
      #expect(status?["state"]?["terminated"]?["exitCode"]?.integer == 0)
      #expect(try SafeFolder.names(in: "\(world.directory)/run").count == 1)
    }
  }

  @Test("retry a failed init container, and the pod waits")
  func failingSeed() async throws {
    let failing: JSON = [
      "initContainers": [
        ["name": "seed", "image": "registry.example/app:1", "command": ["sh", "-c", "exit 4"]]
      ]
    ]
    try await Self.withPod(extra: failing) { world in
      let seed = try await world.pod("web-0").json["status"]?["initContainerStatuses"]?[0]
      #expect(seed?["state"]?["waiting"]?["reason"]?.string == "CrashLoopBackOff")
      #expect(seed?["lastState"]?["terminated"]?["exitCode"]?.integer == 4)
      await world.step(.seconds(10))
      let again = try await world.pod("web-0").json["status"]?["initContainerStatuses"]?[0]
      #expect(again?["restartCount"]?.integer == 1)
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
      try await World.with(images: [Self.image], sandbox: .bubblewrap) { world in
        _ = try await world.cluster.create(World.set("web", replicas: 1, container: mounts, spec: Self.claim))
        await world.cluster.settle()
        #expect(try await !world.pod("web-0").isReady, "\(outer) \(inner)")
        await world.expect(.notRunning) { try await world.sh("true") }
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
    try await World.with(images: [Self.image], sandbox: .bubblewrap) { world in
      _ = try await world.cluster.create(
        World.set("web", replicas: 1, container: Self.mounts, extra: planting, spec: Self.claim))
      await world.cluster.settle()
      #expect(try await !world.pod("web-0").isReady)
      await world.expect(.notRunning) { try await world.sh("cat /data/passwd") }
    }
  }

  @Test("do not follow a symbolic link in a container's root at a mount point")
  func plantedMountPoints() async throws {
    let mounts: JSON = ["volumeMounts": [["name": "p", "mountPath": "/deep/er", "subPath": "x"]]]
    try await World.with(images: [Self.image], sandbox: .bubblewrap) { world in
      _ = try await world.cluster.create(World.set("web", replicas: 1, container: mounts, spec: Self.claim))
      await world.cluster.settle()
      try await world.sh("mv /deep /moved; ln -s /opt /deep")
      await world.expect(.notStarted) { try await world.sh("ls /deep/er") }
      #expect(SafeFolder.kind("\(world.directory)/pods/default/web-0/opt/er") == nil)
    }
  }

  @Test(
    "change the owner of volumes and roots to the current script user after a change of the daemon's user",
    .enabled(if: geteuid() == 0, "only root may give files away"))
  func otherUser() async throws {
    try await Self.withPod { world in
      try await world.sh("mkdir /data/d; echo kept >/data/d/mine; echo x >/opt/other")
      let volume = try OpenFolder("\(world.directory)/volumes/default/p-web-0")
      let root = try OpenFolder("\(world.directory)/pods/default/web-0")
      for folder in [volume, root] { try folder.give(to: FileOwner(user: 4711, group: 4711)) }
      let result = try await world.sh(
        "echo more >>/data/d/mine; echo y >>/opt/other; cat /data/d/mine /opt/other; stat -c %u /data/d/mine /opt"
      )
      #expect(result.out == "kept\nmore\nx\ny\n0\n0\n", "\(result.err)")
      #expect(try volume.owner() == Sandbox.unprivileged)
    }
  }

  @Test("keep a volume without a claim as long as its pod, and trust none of its content")
  func ownVolumes() async throws {
    let mount: JSON = ["volumeMounts": [["name": "scratch", "mountPath": "/scratch"]]]
    try await World.with(images: [Self.image], sandbox: .bubblewrap) { world in
      _ = try await world.cluster.create(World.set("web", replicas: 1, container: mount))
      await world.cluster.settle()
      try await world.sh("echo mine >/scratch/a")
      try await world.cluster.killContainer(World.name("web-0"))
      await world.cluster.settle()
      #expect(try await world.sh("cat /scratch/a").out == "mine\n")
      try await world.cluster.delete(.pods, World.name("web-0"), .none)
      await world.cluster.settle()
      #expect(try await world.sh("cat /scratch/a").exitCode == 1)
    }
  }

  @Test("are cleaned up at the next start if no pod uses them any more")
  func sweeping() async throws {
    try await Self.withPod { world in
      try await world.startOrphan("(while :; do echo x >>/data/beat; sleep 0.01; done) & sleep 600")
      let volume = "\(world.directory)/volumes/default/p-web-0/data"
      while !FileManager.default.fileExists(atPath: "\(volume)/beat") { await Task.yield() }
      // The same folders, and a store without the pod.
      let other = World.temporaryFolder()
      defer { World.remove(other) }
      for name in ["pods", "run"] {
        try FileManager.default.moveItem(atPath: "\(world.directory)/\(name)", toPath: "\(other)/\(name)")
      }
      try await World.reopened(other, runs: false) { again in
        await again.cluster.worker.files.trash.settle()
        for folder in ["run", "pods/default", "trash"] {
          let left = try SafeFolder.names(in: "\(other)/\(folder)")
          #expect(left.isEmpty, "\(folder)")
        }
      }
      let size = try Data(contentsOf: URL(fileURLWithPath: "\(volume)/beat")).count
      #expect(try await world.sh("sleep 0.2; wc -c </data/beat").out.trimmed == "\(size)")
    }
  }

  @Test("are removed even without permissions or with endless nesting")
  func hostileFolders() async throws {
    var options = EmbeddedCluster.Options()
    options.limits.folderDepth = 10_000
    try await Self.withPod(options: options) { world in
      try await world.sh(
        """
        cd /var; i=0
        while [ $i -lt 1200 ]; do mkdir dddddddd && cd dddddddd || break; i=$((i+1)); done
        mkdir -p /opt/locked/in; chmod 0 /opt/locked /opt
        """)
      try await world.cluster.delete(.statefulSets, World.name("web"), .none)
      await world.cluster.settle()
      await world.cluster.worker.files.trash.settle()
      #expect(try SafeFolder.names(in: "\(world.directory)/trash").isEmpty)
      #expect(!FileManager.default.fileExists(atPath: "\(world.directory)/pods/default/web-0"))
    }
  }

  // MARK: Scripts that outlive their daemon

  @Test("let a script of a dead daemon run to its end, however much it writes")
  func survivor() async throws {
    try await Self.withPod { world in
      try await world.startOrphan(
        "until [ -e /opt/go ]; do sleep 0.01; done; head -c 1000000 /dev/zero; echo $? >/opt/guestconfig/code"
      )
      let result = try await world.sh(
        "touch /opt/go; until [ -s /opt/guestconfig/code ]; do sleep 0.01; done; cat /opt/guestconfig/code")
      #expect(result.out == "0\n")
    }
  }

  @Test("end a script of a dead daemon with its pod, including all its processes")
  func orphanEnds() async throws {
    try await Self.withPod { world in
      try await world.startOrphan("(while :; do echo x >>/data/beat; sleep 0.01; done) & sleep 600")
      let beat = "\(world.directory)/volumes/default/p-web-0/data/beat"
      while !FileManager.default.fileExists(atPath: beat) { await Task.yield() }
      try await world.cluster.delete(.pods, World.name("web-0"), .none)
      await world.cluster.settle()
      // The file would be written a hundred times a second if any process were left.
      let before = try await world.sh("wc -c </data/beat; sleep 0.2; wc -c </data/beat")
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
      try await Self.withPod { world in
        let before = try await world.pod("web-0").containerID
        try await Self.leave(left, world)
        let first = try Self.handedOn(world)
        defer { World.remove(first) }
        try await World.reopened(first, images: [Self.image], sandbox: .bubblewrap, runs: false) { world in
          // The daemon dies before it has reacted.
          let second = try Self.handedOn(world)
          defer { World.remove(second) }
          try await World.reopened(second, images: [Self.image], sandbox: .bubblewrap) { again in
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
  private static func handedOn(_ world: World) throws -> String {
    let folder = try world.asKilled()
    for name in ["pods", "run", "volumes"] {
      try FileManager.default.moveItem(atPath: "\(world.directory)/\(name)", toPath: "\(folder)/\(name)")
    }
    return folder
  }

  /// Leaves a command in a pod as a dead daemon could have left it.
  private static func leave(_ left: Left, _ world: World) async throws {
    try await world.sh("echo kept >/data/mine; echo lost >/opt/other")
    if left == .alive {
      try await world.startOrphan(
        "touch /opt/on; until [ -e /opt/stop ]; do sleep 0.01; done")
      let marker = "\(world.directory)/pods/default/web-0/opt/on"
      while !FileManager.default.fileExists(atPath: marker) { await Task.yield() }
      return
    }
    let id = try await world.pod("web-0").containerID.flatMap(ContainerState.id) ?? ""
    let place = "\(world.directory)/run/\(id)/left"
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
