import ClusterAPI
import Diagnostics
import LiveState
import Testing
import Values

@Suite("Watched objects")
struct WatchedObjectsTests {
  private let shop = ObjectReference(
    kind: Resource.clusters.kind, namespace: "prod", name: "shop")
  private let clusters = WatchScope(.clusters)

  private func object(_ name: String = "shop", uid: String = "u1", version: Int) -> Object {
    Object(
      .clusters, namespace: "prod", name: name,
      content: [
        "metadata": [
          "name": .string(name), "namespace": "prod", "uid": .string(uid),
          "resourceVersion": .string("\(version)"),
        ]
      ])
  }

  private func list(_ objects: [Object], _ version: Int) -> ObjectList {
    ObjectList(items: objects, resourceVersion: "\(version)")
  }

  /// `+shop@5` for a stored object, `-shop` for a removed one.
  private func transcript(_ changes: [WatchedObjects<Object>.Change]) -> [String] {
    changes.map { change in
      switch change {
      case .stored(let reference, let object, let replaced):
        "\(replaced == nil ? "+" : "~")\(reference.name)@\(object.resourceVersion)"
      case .removed(let reference, _): "-\(reference.name)"
      }
    }.sorted()
  }

  @Test("a list replaces all objects of its scope, and no others")
  func lists() {
    var watched = WatchedObjects<Object>()
    #expect(!watched.isListed(clusters))
    let first = watched.take(
      .all([object("a", uid: "1", version: 1), object("b", uid: "2", version: 2)]), of: clusters)
    #expect(transcript(first) == ["+a@1", "+b@2"])
    #expect(watched.isListed(clusters))
    let second = watched.take(.all([object("b", uid: "2", version: 4)]), of: clusters)
    #expect(transcript(second) == ["-a", "~b@4"])
    #expect(watched.take(.all([]), of: WatchScope(.clusters, namespace: "other")).isEmpty)
    #expect(watched.take(.all([]), of: WatchScope(.apps)).isEmpty)
    #expect(transcript(watched.take(.all([]), of: WatchScope(.clusters, namespace: "prod"))) == ["-b"])
  }

  @Test("the newer version of an object wins, whichever arrives last")
  func newest() {
    var watched = WatchedObjects<Object>()
    #expect(watched.put(object(version: 5)) != nil)
    #expect(watched.put(object(version: 5)) == nil)
    #expect(transcript(watched.take(.changed(object(version: 4)), of: clusters)).isEmpty)
    #expect(transcript(watched.take(.changed(object(version: 6)), of: clusters)) == ["~shop@6"])
    #expect(transcript(watched.take(.changed(object(uid: "u2", version: 2)), of: clusters)) == ["~shop@2"])
  }

  @Test("a list that is older than a deletion does not bring the object back")
  func ghost() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object(version: 5)]), of: clusters)
    #expect(transcript(watched.take(.removed(object(version: 6)), of: clusters)) == ["-shop"])
    #expect(watched.merge(list([object(version: 5)], 6), of: clusters).isEmpty)
    #expect(watched.put(object(version: 5)) == nil)
    #expect(watched.values.isEmpty)
    #expect(watched.put(object(uid: "u2", version: 7)) != nil)
  }

  @Test("an object that is newer than a list without it was not deleted")
  func younger() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.changed(object(version: 5)), of: clusters)
    #expect(watched.merge(list([], 4), of: clusters).isEmpty)
    #expect(transcript(watched.merge(list([], 5), of: clusters)) == ["-shop"])
  }

  @Test("the deletion of an earlier object of the same name is ignored")
  func earlier() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.changed(object(uid: "u2", version: 5)), of: clusters)
    #expect(watched.take(.removed(object(uid: "u1", version: 3)), of: clusters).isEmpty)
    #expect(watched.values[shop]?.uid == "u2")
  }
}

@Suite("Tombstones")
struct TombstonesTests {
  @Test("keep the deletions of the last objects, until one of them exists after all")
  func bounded() {
    var tombstones = Tombstones(limit: 2)
    for uid in ["a", "b", "c", ""] { tombstones.insert(uid) }
    #expect(["a", "b", "c", ""].map { tombstones.contains($0) } == [false, true, true, false])
    tombstones.remove("c")
    #expect(!tombstones.contains("c"))
  }
}
