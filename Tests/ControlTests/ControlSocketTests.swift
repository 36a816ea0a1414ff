import ClusterAPI
import FoundationEssentials
import Reports
import TestSupport
import Testing
import Values

@testable import Control

@Suite("The socket of an embedded cluster's daemon")
struct ControlSocketTests {
  private let retry = ControlRequest(
    .cluster(ClusterCommand(kind: .retry, cluster: ObjectName(namespace: "prod", name: "a"), pod: "a-0")))

  /// A folder whose path is far longer than a socket's address may be.
  private func withFolder(_ body: (String) async throws -> Void) async throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "kdops-control-\(UUID().uuidString)")
    let folder = root.appending(path: String(repeating: "long/", count: 40))
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    do {
      try await body(folder.path())
    } catch {
      try? FileManager.default.removeItem(at: root)
      throw error
    }
    try FileManager.default.removeItem(at: root)
  }

  /// Repeats the request until a daemon listens.
  private func ask(_ request: ControlRequest, _ folder: String) async throws -> ControlAnswer {
    for _ in 0..<2000 {
      do { return try await ControlSocket.ask(request, below: folder) } catch is ControlError {
        await Task.yield()
      }
    }
    return try await ControlSocket.ask(request, below: folder)
  }

  private func mode(_ path: String) throws -> Int {
    let found = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    return try #require(found)
  }

  @Test("a request is answered, in a folder with a path of any length, which other users may not enter")
  func answers() async throws {
    try await withFolder { folder in
      let retry = retry
      try await withThrowingTaskGroup { group in
        group.addTask {
          try await ControlSocket.serve(below: folder) { request in
            ControlAnswer(request == retry ? .done : .refused, "\(request)")
          }
        }
        let first = try await ask(retry, folder)
        #expect(first == ControlAnswer(.done, "retry prod/a/a-0"))
        let second = try await ask(ControlRequest(.sync(accept: "4f2c9ab")), folder)
        #expect(second == ControlAnswer(.refused, "sync --accept 4f2c9ab"))
        let modes = (try mode("\(folder)/control"), try mode("\(folder)/control/socket"))
        #expect(modes == (0o700, 0o600))
        group.cancelAll()
      }
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/control/socket"))
    }
  }

  @Test("if no daemon runs, or it was killed, the error says so and how to fix it")
  func noDaemon() async throws {
    try await withFolder { folder in
      let expected = ControlError.notRunning(folder)
      await #expect(throws: expected) { try await ControlSocket.ask(retry, below: folder) }
      #expect("\(expected)".contains("kdops run --embedded="))
      _ = try ControlFolder(below: folder, making: true)
      await #expect(throws: expected) { try await ControlSocket.ask(retry, below: folder) }
    }
  }

  @Test("a socket that a killed daemon left behind is taken over")
  func leftBehind() async throws {
    try await withFolder { folder in
      _ = try ControlFolder(below: folder, making: true)
      for _ in 0..<2 {
        try await withThrowingTaskGroup { group in
          group.addTask {
            try await ControlSocket.serve(below: folder) { _ in ControlAnswer(.done, "yes") }
          }
          let answer = try await ask(retry, folder)
          #expect(answer.words == "yes")
          group.cancelAll()
        }
      }
    }
  }

  @Test("a daemon that stops while clients connect ends without a crash")
  func stopping() async throws {
    try await withFolder { folder in
      for _ in 0..<20 {
        await withTaskGroup { group in
          group.addTask { try? await ControlSocket.serve(below: folder) { _ in ControlAnswer(.done, "yes") } }
          _ = try? await ask(retry, folder)
          for _ in 0..<16 { group.addTask { _ = try? await ControlSocket.ask(retry, below: folder) } }
          await Task.yield()
          group.cancelAll()
        }
      }
    }
  }

  @Test("a folder that others may enter is closed by the daemon, and refused by a command")
  func open() async throws {
    try await withFolder { folder in
      try FileManager.default.createDirectory(
        atPath: "\(folder)/control", withIntermediateDirectories: false,
        attributes: [.posixPermissions: 0o755])
      #expect(throws: ControlError.self) { try ControlFolder(below: folder, making: false) }
      _ = try ControlFolder(below: folder, making: true)
      #expect(try mode("\(folder)/control") == 0o700)
    }
  }

  @Test(
    "requests and responses survive encoding; anything else is nil",
    arguments: [
      ControlRequest(.sync(accept: nil)), ControlRequest(.sync(accept: "4f2c9ab")),
      ControlRequest(.sync(accept: nil, id: SyncID.random())),
      ControlRequest(
        .cluster(ClusterCommand(kind: .suspend, cluster: ObjectName(namespace: "p", name: "a")))),
    ])
  func wire(_ request: ControlRequest) {
    #expect(ControlRequest(request.json) == request)
    let answer = ControlAnswer(.refused, "no\nreally")
    #expect(ControlAnswer(answer.json) == answer)
    let progress = ControlAnswer(.done, "yes", sync: .applying)
    #expect(ControlAnswer(progress.json) == progress)
    let retried = ControlAnswer(.done, "yes", pod: "a-worker-2")
    #expect(ControlAnswer(retried.json) == retried)
    for wrong in [
      JSON.null, [:], ["schemaVersion": 1], ["schemaVersion": 1, "do": "explode"],
      ["schemaVersion": 2, "do": "sync"],
    ] {
      #expect(ControlRequest(wrong) == nil)
      #expect(ControlAnswer(wrong) == nil)
    }
  }
}
