import ClusterAPI
import FoundationEssentials
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

@Suite(
  "Files of containers, read from the disk",
  .enabled(if: Machine.hasBubblewrap, "bubblewrap is not installed"))
struct ContainerFileTests {
  private static func withPod(
    _ script: String, _ body: @escaping @Sendable (EmbeddedReader, Object) async throws -> Void
  ) async throws {
    let image = ImageCatalog.Entry(image: "*", rootfs: Files(["srv/version": "1\n"]))
    try await ClusterFixture.with(images: [image], sandbox: .bubblewrap) { fixture in
      let mounts: JSON = ["volumeMounts": [["name": "data", "mountPath": "/opt/data", "subPath": "kept"]]]
      let volumes: JSON = ["volumes": [["name": "data", "emptyDir": [:]]]]
      _ = try await fixture.cluster.create(
        ClusterFixture.set("web", replicas: 1, container: mounts, extra: volumes))
      await fixture.cluster.settle()
      let result = try await fixture.sh(script)
      #expect(result.exitCode == 0)
      try await body(EmbeddedCluster.openReadOnly(fixture.directory), fixture.pod("web-0"))
    }
  }

  @Test("are found in the root and in a mounted volume, the last changed first")
  func places() async throws {
    let script = """
      mkdir -p /opt/runs /opt/data/runs; touch -d @10 /opt/runs/old; touch -d @20 /opt/runs/new
      printf hello > /opt/runs/new; touch -d @20 /opt/runs/new; printf volume > /opt/data/runs/file
      """
    try await Self.withPod(script) { reader, pod in
      let names = try reader.names(in: ["opt", "runs"], of: pod)
      #expect(names == ["new", "old"])
      let none = try reader.names(in: ["opt", "missing"], of: pod)
      #expect(none.isEmpty)
      let file = try reader.file(["opt", "runs", "new"], of: pod, from: 1, limit: 3)
      #expect(file == ContainerFile(bytes: Array("ell".utf8), size: 5))
      let volume = try reader.file(["opt", "data", "runs", "file"], of: pod, from: 0, limit: 100)
      #expect(volume?.bytes == Array("volume".utf8))
      let end = try reader.file(["opt", "runs", "new"], of: pod, from: 99, limit: 3)
      #expect(end?.bytes == [])
      let missing = try reader.file(["opt", "runs", "none"], of: pod, from: 0, limit: 3)
      #expect(missing == nil)
    }
  }

  @Test("are not read through links, nor from pipes")
  func links() async throws {
    let script = """
      mkdir -p /opt/runs; ln -s /etc/passwd /opt/runs/link; ln -s /etc /opt/folder; mkfifo /opt/runs/pipe
      """
    try await Self.withPod(script) { reader, pod in
      for path in [["opt", "runs", "link"], ["opt", "folder", "passwd"], ["opt", "runs", "pipe"]] {
        let file = try reader.file(path, of: pod, from: 0, limit: 9)
        #expect(file == nil, "\(path)")
      }
      let names = try reader.names(in: ["opt", "folder"], of: pod)
      #expect(names.isEmpty)
    }
  }
}
