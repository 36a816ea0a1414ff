import Testing
import Values

@testable import EmbeddedAPI

@Suite("Patches")
struct PatchTests {
  private let object: JSON = ["a": ["b": 1, "c": [1, 2, 3]], "d~/e": true]

  @Test("a JSON patch changes members and items")
  func jsonPatch() throws {
    let operations: JSON = [
      ["op": "test", "path": "/a/b", "value": 1], ["op": "add", "path": "/a/c/1", "value": 9],
      ["op": "add", "path": "/a/c/-", "value": 4], ["op": "remove", "path": "/a/c/0"],
      ["op": "replace", "path": "/d~0~1e", "value": false], ["op": "copy", "from": "/a/b", "path": "/f"],
      ["op": "move", "from": "/a/b", "path": "/g"],
    ]
    let patch = try JSONPatch(operations)
    let expected: JSON = ["a": ["c": [9, 2, 3, 4]], "d~/e": false, "f": 1, "g": 1]
    let result = try patch.applied(to: object)
    #expect(result == expected)
  }

  @Test("a JSON patch that does not fit changes nothing")
  func misfit() throws {
    let operations: [JSON] = [
      ["op": "test", "path": "/a/b", "value": 2], ["op": "remove", "path": "/x"],
      ["op": "add", "path": "/a/c/9", "value": 1], ["op": "replace", "path": "/a/x", "value": 1],
      ["op": "add", "path": "/x/y", "value": 1], ["op": "add", "path": "/a/c/01x", "value": 1],
    ]
    for operation in operations {
      let patch = try JSONPatch(.array([operation]))
      #expect(throws: APIFailure.self) { try patch.applied(to: object) }
    }
    let malformed: JSON = [["op": "add", "path": "no"]]
    #expect(throws: APIFailure.self) { try JSONPatch(malformed) }
  }

  @Test("a JSON patch that doubles the object again and again is refused")
  func copies() throws {
    let doubling = JSON.array((0..<200).map { ["op": "copy", "from": "", "path": .string("/x\($0)")] })
    let patch = try JSONPatch(doubling)
    var refusal: APIFailure?
    do { _ = try patch.applied(to: object) } catch { refusal = error }
    #expect(refusal?.message.contains("too much is copied") == true)
  }

  @Test("a strategic merge patch merges containers by their names")
  func strategic() {
    let pod: JSON = [
      "spec": [
        "containers": [["name": "app", "image": "a:1", "env": [["name": "X", "value": "1"]]]], "n": 1,
      ]
    ]
    let patch: JSON = [
      "spec": [
        "$setElementOrder/containers": [["name": "app"], ["name": "side"]],
        "containers": [
          ["name": "app", "env": [["name": "Y", "value": "2"], ["name": "X", "$patch": "delete"]]],
          ["name": "side", "image": "b:1"],
        ], "n": nil,
      ]
    ]
    let expected: JSON = [
      "spec": [
        "containers": [
          ["name": "app", "image": "a:1", "env": [["name": "Y", "value": "2"]]],
          ["name": "side", "image": "b:1"],
        ]
      ]
    ]
    #expect(StrategicMerge.merge(pod, with: patch) == expected)
  }

  @Test("server-side apply removes what its manager leaves out, and keeps the fields of others")
  func apply() throws {
    let ann = ServerSideApply(manager: "ann", isForced: false, time: "2026-01-01T00:00:00Z")
    let first = try ann.applied(configuration(["app": "a", "roles": [1]]), to: nil)
    var live = first
    live["spec"]?["other"] = "kept"
    let second = try ann.applied(configuration(["app": "b"]), to: live)
    let expected: JSON = ["app": "b", "other": "kept"]
    #expect(second["spec"] == expected)
    #expect(second["metadata"]?["managedFields"]?[0]?["fieldsV1"]?["f:spec"]?["f:app"] != nil)
    #expect(second["metadata"]?["managedFields"]?[0]?["fieldsV1"]?["f:spec"]?["f:roles"] == nil)
    // The same configuration again changes nothing, not even a time.
    let later = ServerSideApply(manager: "ann", isForced: false, time: "2026-01-02T00:00:00Z")
    let third = try later.applied(configuration(["app": "b"]), to: second)
    #expect(third == second)
  }

  @Test("a field of another manager is a conflict, unless it is forced")
  func conflict() throws {
    let ann = ServerSideApply(manager: "ann", isForced: false, time: "")
    let live = try ann.applied(configuration(["app": "a"]), to: nil)
    let bob = ServerSideApply(manager: "bob", isForced: false, time: "")
    let other = configuration(["app": "b"])
    let failure = #expect(throws: APIFailure.self) { try bob.applied(other, to: live) }
    #expect(failure?.code == 409)
    #expect(failure?.message == #"Apply failed with 1 conflict: conflict with "ann": .spec.app"#)
    // The same value is shared.
    let shared = try bob.applied(configuration(["app": "a"]), to: live)
    #expect(shared["metadata"]?["managedFields"]?.array?.count == 2)
    let forcing = ServerSideApply(manager: "bob", isForced: true, time: "")
    let forced = try forcing.applied(other, to: live)
    #expect(forced["spec"]?["app"] == "b")
    #expect(forced["metadata"]?["managedFields"]?.array?.count == 1)
  }

  private func configuration(_ spec: JSON) -> JSON {
    ["apiVersion": "v1", "kind": "X", "metadata": ["name": "x", "namespace": "n"], "spec": spec]
  }
}
