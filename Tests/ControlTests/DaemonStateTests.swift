import FoundationEssentials
import Reports
import Testing
import Values

@testable import Control

@Suite("Whether a daemon runs")
struct DaemonStateTests {
  private let record = DaemonRecord(seen: 1000, fetched: 990, written: 900, problem: "the disk is full")

  @Test("a record survives encoding, and anything else is no record")
  func records() {
    #expect(DaemonRecord(Array("[".utf8)) == nil)
    #expect(DaemonRecord([UInt8](repeating: 0x20, count: 1 << 20)) == nil)
    #expect(DaemonRecord(Array(record.json.text().utf8)) == record)
    var current = record
    (current.applied, current.synced) = ("4f2c9ab", [SyncID(annotation: "a")])
    #expect(DaemonRecord(Array(current.json.text().utf8)) == current)
  }

  @Test("only a record without the answers to requests is of an older version")
  func older() {
    var current = record
    current.synced = []
    #expect(!DaemonState(.running, current).isOlder)
    #expect(DaemonState(.running, record).isOlder)
    #expect(!DaemonState(.running).isOlder)
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
      Issue.record("a folder that is open to other users is accepted")
      return
    }
  }
}
