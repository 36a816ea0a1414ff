import KubeDirector
import TestSupport
import Testing
import Values

@Suite("A stamp")
struct StampTests {
  private static var applied: JSON {
    let object: JSON = [
      "apiVersion": .string(Wire.apiVersion), "kind": .string(Wire.clusterKind),
      "metadata": [
        "namespace": "prod", "name": "analytics",
        "annotations": [
          Wire.Annotation.commit: "c1", Wire.Annotation.blob: "b1", Wire.Annotation.path: "clusters/a.yaml",
          Wire.Annotation.change: "create",
        ],
      ],
      "spec": ["app": "spark-1.0.0", "roles": [["id": "worker", "members": 2]]],
    ]
    return Stamp.forTests.on(object)
  }

  @Test("is valid for an object as it was applied, in any order of keys")
  func holds() throws {
    #expect(Stamp.forTests.holds(Self.applied))
    let parsed = try JSON.parse(Array(Self.applied.serialized(pretty: true, sortedKeys: true)))
    #expect(Stamp.forTests.holds(parsed))
  }

  @Test("allows foreign labels and annotations, and any status")
  func others() {
    var object = Self.applied
    object["metadata"]?["labels"] = ["team": "a"]
    object["metadata"]?["resourceVersion"] = "7"
    object["metadata"]?["annotations"]?["theirs"] = "1"
    object["status"] = ["state": "configured"]
    #expect(Stamp.forTests.holds(object))
  }

  @Test(
    "is invalid for an edited object, and for another object",
    arguments: [
      (["spec", "app"], "spark-6.6.6"), (["metadata", "name"], "other"), (["metadata", "namespace"], "dev"),
      (["kind"], "KubeDirectorApp"), (["metadata", "annotations", Wire.Annotation.commit], "c0"),
      (["metadata", "annotations", Wire.Annotation.blob], "b0"),
      (["metadata", "annotations", Wire.Annotation.path], "examples/a.yaml"),
      (["metadata", "annotations", Wire.Annotation.change], "rollback"),
    ] as [([String], JSON)])
  func edited(keys: [String], value: JSON) {
    #expect(!Stamp.forTests.holds(Self.changed(Self.applied, keys[...], value)))
  }

  private static func changed(_ json: JSON, _ keys: ArraySlice<String>, _ value: JSON) -> JSON {
    guard let key = keys.first else { return value }
    var json = json
    json[key] = changed(json[key] ?? [:], keys.dropFirst(), value)
    return json
  }

  @Test("cannot be created without the key")
  func key() {
    #expect(Stamp.numbered(8).of(Self.applied) != Stamp.forTests.of(Self.applied))
    #expect(!Stamp.numbered(8).holds(Self.applied))
    #expect(Stamp(key: Array(repeating: 7, count: Stamp.keyLength - 1)) == nil)
  }

  @Test("of the last attempted revision is valid for that commit and branch only, and for no daemon commit")
  func lastAttempted() {
    let stamp = Stamp.forTests.of(lastAttempted: "c1", branch: "main")
    #expect(stamp == Stamp.forTests.of(lastAttempted: "c1", branch: "main"))
    #expect(stamp != Stamp.forTests.of(lastAttempted: "c2", branch: "main"))
    #expect(stamp != Stamp.forTests.of(lastAttempted: "c1", branch: "next"))
    #expect(stamp != Stamp.numbered(8).of(lastAttempted: "c1", branch: "main"))
    #expect(stamp != Stamp.forTests.of(commit: Array("main\nc1".utf8)))
  }

  @Test("is invalid if it is missing")
  func missing() {
    var object = Self.applied
    object["metadata"]?["annotations"]?[Wire.Annotation.stamp] = nil
    #expect(!Stamp.forTests.holds(object))
  }
}
