import ClusterAPI
import FoundationEssentials
import KubeDirector
import Reports
import Testing
import Values

@testable import Control

@Suite("Whether a daemon runs")
struct DaemonStateTests {
  private let record = DaemonRecord(seen: 1000, fetched: 990, written: 900, problem: "the disk is full")

  private func lease(_ spec: JSON, _ activity: String? = nil) -> Object {
    Object(
      .leases, namespace: "kdops-system", name: "kdops-default",
      annotations: activity.map { [Wire.Annotation.activity: $0] } ?? [:], content: ["spec": spec])
  }

  private func held(_ renewed: Int) -> JSON {
    [
      "holderIdentity": "a_1_2", "leaseDurationSeconds": 12,
      "renewTime": .string("\(Timestamp.text(renewed).dropLast()).123456Z"),
    ]
  }

  @Test("on Kubernetes a renewed lease means that it runs, with its last activity")
  func running() {
    let state = DaemonState(lease: lease(held(1000), record.json.text()), now: 1004)
    #expect(state.life == .running)
    #expect((state.fetched, state.written) == (990, 900))
    #expect(state.problem == "the disk is full")
  }

  @Test(
    "an expired, released or missing lease means that no daemon runs"
  )
  func dead() {
    #expect(DaemonState(lease: lease(held(1000)), now: 1060).life == .notRunning(lastSeen: 1000))
    #expect(
      DaemonState(
        lease: lease(["holderIdentity": "", "renewTime": .string(Timestamp.text(1000))]), now: 1001
      ).life == .notRunning(lastSeen: 1000))
    #expect(DaemonState(lease: nil, now: 1000).life == .notRunning(lastSeen: nil))
    // A local clock that is behind does not mean that the daemon has ended.
    #expect(DaemonState(lease: lease(held(1000)), now: 900).life == .running)
  }

  @Test("an unreadable lease means unknown, and nothing is assumed")
  func unknown() {
    let state = DaemonState(lease: lease([:], "{\"schemaVersion\":1}"), now: 1000)
    guard case .unknown = state.life else {
      Issue.record("\(state.life)")
      return
    }
    #expect(state.json["lastFetch"] == nil && state.json["lastWrite"] == nil)
    #expect(DaemonRecord(Array("[".utf8)) == nil)
    #expect(DaemonRecord([UInt8](repeating: 0x20, count: 1 << 20)) == nil)
    #expect(DaemonRecord(Array(record.json.text().utf8)) == record)
  }

  @Test("on an embedded cluster the socket answers; a killed daemon was last seen at its last write")
  func embedded() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kdops-state-\(UUID().uuidString)")
      .path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect(await DaemonState.embedded(below: folder).life == .notRunning(lastSeen: nil))
    try DaemonState.recorder(below: folder)(record)
    #expect(await DaemonState.embedded(below: folder).life == .notRunning(lastSeen: 1000))
    await withThrowingTaskGroup { group in
      group.addTask { try await ControlSocket.serve(below: folder) { _ in ControlAnswer(.done, "yes") } }
      var state = await DaemonState.embedded(below: folder)
      for _ in 0..<2000 where state.life != .running {
        await Task.yield()
        state = await DaemonState.embedded(below: folder)
      }
      #expect(state == DaemonState(.running, record))
      group.cancelAll()
    }
    #expect(await DaemonState.embedded(below: folder).life == .notRunning(lastSeen: 1000))
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(folder)/control")
    guard case .unknown = await DaemonState.embedded(below: folder).life else {
      Issue.record("a folder that is open to others is believed")
      return
    }
  }
}
