import ClusterAPI
import Testing
import Values

@testable import EmbeddedCluster

@Suite("Shared memory of a pod")
struct SharedMemoryTests {
  private static func volume(_ size: JSON?) -> JSON {
    var volume: JSON = ["medium": "Memory"]
    volume["sizeLimit"] = size
    return ["volumes": [["name": "shared-memory", "emptyDir": volume]]]
  }
  private static let mount: JSON = [
    "volumeMounts": [
      ["name": "shared-memory", "mountPath": "/dev/shm"], ["name": "p", "mountPath": "/data"],
    ]
  ]

  private static func container(_ size: JSON?) throws -> PodSpec.Container {
    let set = ClusterFixture.set("web", replicas: 1, container: mount, extra: volume(size))
    let spec = set.json["spec"]?["template"]?["spec"] ?? [:]
    return try #require(
      PodSpec(Object(.pods, namespace: "default", name: "web-0", content: ["spec": spec])).containers.first)
  }

  @Test("is the size of the memory volume at /dev/shm, which is not a folder of the node")
  func size() throws {
    #expect(try Self.container("96Mi").sharedMemory == 96 << 20)
    #expect(try Self.container("96Mi").mounts.map(\.path) == ["/data"])
  }

  @Test("has the node's default without a usable size", arguments: [nil, "0", "much", 5] as [JSON?])
  func noSize(_ size: JSON?) throws {
    #expect(try Self.container(size).sharedMemory == nil)
  }

  @Test("is passed to the sandbox", arguments: [SandboxMode.bubblewrap, .none])
  func arguments(mode: SandboxMode) throws {
    let request = SandboxRequest(
      root: .init(path: "/d/root", identity: "1:2"), binds: [], hostname: "web-0", environment: [:],
      command: ["true"], sharedMemory: 96 << 20)
    let arguments = Sandbox(mode: mode, limits: .init(), isRoot: false).arguments(request)
    #expect(arguments.contains("100663296"))
    #expect(!arguments.contains(String(SandboxLimits().sharedMemory)))
  }

  @Test("is at most the memory of a script")
  func bounded() {
    let request = SandboxRequest(
      root: .init(path: "/d/root", identity: "1:2"), binds: [], hostname: "web-0", environment: [:],
      command: ["true"], sharedMemory: .max)
    let limits = SandboxLimits()
    let arguments = Sandbox(mode: .bubblewrap, limits: limits, isRoot: false).arguments(request)
    #expect(arguments.contains(String(limits.totalMemory)) && !arguments.contains(String(Int.max)))
  }

  @Test("may be larger than the default", .enabled(if: Machine.hasBubblewrap, "bubblewrap is not installed"))
  func larger() async throws {
    try await ClusterFixture.with(images: [.init(image: "*")], sandbox: .bubblewrap) { fixture in
      _ = try await fixture.cluster.create(
        ClusterFixture.set("web", replicas: 1, container: Self.mount, extra: Self.volume("96Mi")))
      await fixture.cluster.settle()
      #expect(try await fixture.sh("head -c 90M /dev/zero >/dev/shm/a").exitCode == 0)
      #expect(try await fixture.sh("head -c 100M /dev/zero >/dev/shm/a").exitCode != 0)
    }
  }
}
