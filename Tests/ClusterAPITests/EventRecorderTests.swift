import ClusterAPI
import EmbeddedCluster
import Logging
import Synchronization
import TestSupport
import Testing
import Values

@Suite("Kubernetes events")
struct EventRecorderTests {
  private let folder: TemporaryFolder
  private let api: EmbeddedCluster

  init() async throws {
    folder = try TemporaryFolder()
    api = try await EmbeddedCluster.open(
      directory: folder.path, sandbox: .noScripts, catalog: ImageCatalog([]),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private static let cluster = Object.Reference(
    apiVersion: "kubedirector.hpe.com/v1beta1", kind: "KubeDirectorCluster",
    name: ObjectName(namespace: "prod", name: "analytics"), uid: "u-1")

  /// Records announcements, and waits until this number of events exists.
  private func events(_ count: Int, of announcements: [RecordedEvent], total: Int) async throws -> [Object] {
    let eventRecorder = EventRecorder(api: api, now: { 1_800_000_000 })
    let start = try await api.list(.events, namespace: "prod", labels: .everything)
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await eventRecorder.run() }
      for announcement in announcements { eventRecorder.announce(announcement) }
      var seen: [String: Object] = [:]
      var changes = 0
      for try await event in api.watch(
        .events, namespace: "prod", labels: .everything, after: start.resourceVersion)
      {
        switch event {
        case .added(let object), .modified(let object):
          seen[object.name] = object
          changes += 1
        case .deleted, .bookmark: break
        }
        if changes == total { break }
      }
      group.cancelAll()
      #expect(seen.count == count)
      return seen.values.sorted { $0.name < $1.name }
    }
  }

  @Test("an announcement becomes an event about the object, with its message")
  func event() async throws {
    let found = try await events(
      1,
      of: [
        RecordedEvent(about: Self.cluster, isWarning: true, reason: "ErrImagePull", message: "no such tag")
      ],
      total: 1)
    let event = try #require(found.first?.json)
    #expect(event["involvedObject"]?["uid"] == "u-1")
    #expect(event["involvedObject"]?["kind"] == "KubeDirectorCluster")
    #expect(event["type"] == "Warning")
    #expect(event["reason"] == "ErrImagePull")
    #expect(event["message"] == "no such tag")
    #expect(event["lastTimestamp"] == "2027-01-15T08:00:00Z")
    #expect(found.first?.name.hasPrefix("analytics.") == true)
  }

  @Test("several events within one second have names in their order: kubectl has no other")
  func order() async throws {
    let words = (0..<20).map { "step \($0)" }
    let reported = try await events(
      words.count, of: words.map { RecordedEvent(about: Self.cluster, reason: "Step", message: $0) },
      total: words.count)
    #expect(reported.compactMap { $0.json["message"]?.string } == words)
  }

  @Test("a repeated event increments its count, and is not created twice")
  func again() async throws {
    let one = RecordedEvent(about: Self.cluster, reason: "DriftCorrected", message: "put back")
    let other = RecordedEvent(about: Self.cluster, reason: "DriftCorrected", message: "put back elsewhere")
    let found = try await events(2, of: [one, one, other, one], total: 4)
    #expect(Set(found.compactMap { $0.json["count"]?.integer }) == [1, 3])
  }

  @Test("events that cannot be written block nothing")
  func failure() async throws {
    let nowhere = Object.Reference(
      apiVersion: "v1", kind: "Pod", name: ObjectName(namespace: "closed", name: "x"), uid: "u-2")
    let failed = Mutex<[APIError.Kind]>([])
    let eventRecorder = EventRecorder(
      api: Scoped(api, namespaces: ["prod"]), now: { 1_800_000_000 },
      onFailure: { error in failed.withLock { $0.append(error.kind) } })
    let start = try await api.list(.events, namespace: nil, labels: .everything)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await eventRecorder.run() }
      eventRecorder.announce(RecordedEvent(about: nowhere, reason: "A", message: "a"))
      eventRecorder.announce(RecordedEvent(about: Self.cluster, reason: "B", message: "b"))
      let watch = api.watch(.events, namespace: nil, labels: .everything, after: start.resourceVersion)
      var events = watch.makeAsyncIterator()
      _ = try? await events.next()
      group.cancelAll()
    }
    #expect(failed.withLock { $0 } == [.forbidden])
  }
}
