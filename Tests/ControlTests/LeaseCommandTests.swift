import ClusterAPI
import KubeDirector
import Reports
import Synchronization
import TestSupport
import Testing
import Values

@testable import Control

@Suite("Requests to fetch on the Lease")
struct LeaseCommandTests {
  /// A server with one Lease, which was renewed long ago by this machine's clock.
  private final class OneLease: ForwardingAPI, @unchecked Sendable {
    private let lease: Mutex<Object>

    init(holder: String) {
      let spec: JSON = ["holderIdentity": .string(holder), "renewTime": "2020-01-01T00:00:00.000000Z"]
      lease = Mutex(Object(.leases, namespace: "n", name: "kdops-default", content: ["spec": spec]))
      super.init()
    }

    var annotations: [String: String] { lease.withLock { $0.annotations } }

    override func get(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object {
      lease.withLock { $0 }
    }

    override func patch(
      _ resource: Resource, _ name: ObjectName, merge: JSON
    ) async throws(APIError) -> Object {
      lease.withLock { lease in
        lease.json["metadata"]?["annotations"] = merge["metadata"]?["annotations"]
        return lease
      }
    }
  }

  private let name = ObjectName(namespace: "n", name: "kdops-default")
  private let id = SyncID(annotation: "r1")

  @Test("are written with their id, whatever the clocks say")
  func written() async throws {
    let server = OneLease(holder: "a_1")
    let answer = try await LeaseCommand(api: server, lease: name).sync(accept: "4f2c9ab", id: id)
    #expect(answer.outcome == .done)
    #expect(answer.words.hasPrefix("the daemon a_1 follows 4f2c9ab within 4 s"))
    #expect(server.annotations == [Wire.Annotation.sync: "r1", Wire.Annotation.accept: "4f2c9ab"])
  }

  @Test("are refused if no daemon holds the Lease, except an approval")
  func released() async throws {
    let server = OneLease(holder: "")
    let command = LeaseCommand(api: server, lease: name)
    await #expect(throws: ControlRefusal.self) { try await command.sync(accept: nil, id: id) }
    #expect(server.annotations.isEmpty)
    let answer = try await command.sync(accept: "4f2c9ab", id: id)
    #expect(answer.words.hasPrefix("the next daemon that leads follows 4f2c9ab"))
  }
}
