import ClusterAPI
import FoundationEssentials
import KubeDirector
import StatusWriter
import Testing
import Values

@testable import Orders

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

  @Test("on a Kubernetes a lease that is renewed says so, with what the daemon did last")
  func running() {
    let state = DaemonState(lease: lease(held(1000), record.json.text()), now: 1004)
    #expect(state.life == .running)
    #expect((state.fetched, state.written) == (990, 900))
    #expect(state.problem == "the disk is full")
  }

  @Test(
    "one that was not renewed for longer than it lasts, that nobody holds or that is missing says that none runs"
  )
  func dead() {
    #expect(DaemonState(lease: lease(held(1000)), now: 1060).life == .notRunning(lastSeen: 1000))
    #expect(
      DaemonState(
        lease: lease(["holderIdentity": "", "renewTime": .string(Timestamp.text(1000))]), now: 1001
      ).life == .notRunning(lastSeen: 1000))
    #expect(DaemonState(lease: nil, now: 1000).life == .notRunning(lastSeen: nil))
    // A clock that is behind makes nobody dead.
    #expect(DaemonState(lease: lease(held(1000)), now: 900).life == .running)
  }

  @Test("what is not to be read is unknown, and never invented")
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

  @Test("on an embedded cluster its socket says so; one that was killed was last seen when it wrote last")
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
