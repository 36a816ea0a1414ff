import ClusterAPI
import Synchronization
import Testing
import Values

@testable import EmbeddedAPI

@Suite("Events of a watch")
struct WatchEncoderTests {
  private func pod(_ label: String, version: Int) -> Object {
    var object = Object(.pods, namespace: "n", name: "p", labels: ["app": label])
    object.json["metadata"]?["uid"] = "1"
    object.json["metadata"]?["resourceVersion"] = .string(String(version))
    return object
  }

  private func encoder(
    _ format: ResponseFormat = .object, labels: String = "", sendsBookmarks: Bool = false,
    now: @escaping @Sendable () -> Int = { 0 }
  ) throws -> WatchEncoder {
    WatchEncoder(
      writer: ObjectWriter(kind: .pods, format: format, now: 0),
      selection: Selection(labels: try LabelRequirement.parse(labels)), sendsBookmarks: sendsBookmarks,
      now: now)
  }

  private func word(_ line: [UInt8]?) -> String? { line.flatMap { try? JSON.parse($0)["type"]?.string } }

  @Test("an object that is no longer selected is deleted for the client, and added when it is selected again")
  func transitions() throws {
    var encoder = try self.encoder(labels: "app=a")
    let added = encoder.line(.added(pod("a", version: 1)))
    let left = encoder.line(.modified(pod("b", version: 2)))
    let unseen = encoder.line(.modified(pod("b", version: 3)))
    let back = encoder.line(.modified(pod("a", version: 4)))
    let changed = encoder.line(.modified(pod("a", version: 5)))
    let deleted = encoder.line(.deleted(pod("a", version: 6)))
    let types = [added, left, unseen, back, changed, deleted].map { word($0) ?? "" }
    #expect(types == ["ADDED", "DELETED", "", "ADDED", "MODIFIED", "DELETED"])
  }

  @Test("only the first table of a watch has columns")
  func tables() throws {
    var encoder = try self.encoder(.table(.metadata))
    let lines = [encoder.line(.added(pod("a", version: 1))), encoder.line(.modified(pod("a", version: 2)))]
    let first = try JSON.parse(lines[0] ?? [])
    let second = try JSON.parse(lines[1] ?? [])
    #expect(first["object"]?["columnDefinitions"]?.array?.isEmpty == false)
    #expect(second["object"]?["columnDefinitions"] == .some(.null))
  }

  @Test("the age in a row is that at the time of the event")
  func ages() throws {
    let time = Mutex(100)
    var encoder = try self.encoder(.table(.metadata), now: { time.withLock { $0 } })
    var pod = pod("a", version: 1)
    pod.json["metadata"]?["creationTimestamp"] = "1970-01-01T00:01:30Z"
    func age(_ line: [UInt8]?) throws -> JSON? {
      try JSON.parse(line ?? [])["object"]?["rows"]?[0]?["cells"]?.array?.last
    }
    let early = try age(encoder.line(.added(pod)))
    time.withLock { $0 = 130 }
    let late = try age(encoder.line(.modified(pod)))
    #expect(early == "10s")
    #expect(late == "40s")
  }

  @Test("bookmarks are sent to clients that ask for them")
  func bookmarks() throws {
    var silent = try encoder()
    let none = silent.line(.bookmark(resourceVersion: "9"))
    #expect(none == nil)
    var encoder = try self.encoder(sendsBookmarks: true)
    let line = encoder.line(.bookmark(resourceVersion: "9"))
    #expect(word(line) == "BOOKMARK")
    let last = try JSON.parse(encoder.bookmark("9", isInitialEnd: true))
    #expect(last["object"]?["metadata"]?["annotations"]?["k8s.io/initial-events-end"] == "true")
  }
}
