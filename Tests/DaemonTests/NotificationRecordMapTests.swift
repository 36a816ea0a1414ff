import ClusterAPI
import Logging
import TestSupport
import Testing
import Values

@testable import Daemon

@Suite("The record of undelivered notifications in a cluster")
struct NotificationRecordMapTests {
  @Test("is created with the first write, replaced by later ones, and read again")
  func writes() async throws {
    let folder = try TemporaryFolder()
    let backend = try await Backend.embedded(
      "\(folder.path)/cluster", .noScripts, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let record = NotificationRecordMap(backend.api, namespace: "kdops-system", installation: "blue")
    let none = try await record.read()
    #expect(none == .none)
    for number in 1...2 {
      try await record.write(["schemaVersion": 1, "number": JSON(number)])
      let read = try await record.read()
      #expect(read?["number"]?.integer == number)
    }
    let name = ObjectName(namespace: "kdops-system", name: "kdops-blue-notifications")
    let map = try await backend.api.get(.configMaps, name)
    #expect(map.labels["app.kubernetes.io/instance"] == "blue")
  }

  @Test("a damaged record is read as none")
  func damaged() async throws {
    let folder = try TemporaryFolder()
    let backend = try await Backend.embedded(
      "\(folder.path)/cluster", .noScripts, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    _ = try await backend.api.create(
      Object(
        .configMaps, namespace: "kdops-system", name: "kdops-default-notifications",
        content: ["data": ["notifications.json": "{"]]))
    let record = NotificationRecordMap(backend.api, namespace: "kdops-system", installation: "default")
    let read = try await record.read()
    #expect(read == .none)
  }
}
