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

  // MARK: - Kubernetes' order of events

  @Test("a list that is older than a watch event does not bring the older version back")
  func staleList() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object(version: 5)], version: "5"), of: clusters)
    _ = watched.take(.changed(object(version: 8)), of: clusters)
    #expect(watched.merge(list([object(version: 5)], 6), of: clusters).isEmpty)
    #expect(watched.merge(list([], 6), of: clusters).isEmpty)
    #expect(watched.values[shop]?.resourceVersion == "8")
  }

  @Test("a list keeps what a write returned after the list was made, and removes what is older")
  func writeDuringList() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object("old", uid: "1", version: 3)], version: "5"), of: clusters)
    #expect(watched.put(object(version: 9)) != nil)
    #expect(transcript(watched.take(.all([], version: "8"), of: clusters)) == ["-old"])
    #expect(watched.values[shop]?.resourceVersion == "9")
    // The watch that follows reports it in any case.
    #expect(transcript(watched.take(.removed(object(version: 10)), of: clusters)) == ["-shop"])
  }

  @Test("a late response to a write does not bring a deleted object back")
  func deletedThenModified() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object(version: 5)], version: "5"), of: clusters)
    #expect(transcript(watched.take(.removed(object(version: 7)), of: clusters)) == ["-shop"])
    #expect(watched.put(object(version: 6)) == nil)
    #expect(watched.take(.changed(object(version: 6)), of: clusters).isEmpty)
    #expect(watched.values.isEmpty)
  }

  @Test("a late response does not bring an object back that a list lacked, nor one that was never stored")
  func deletedUnseen() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object(version: 5)], version: "5"), of: clusters)
    #expect(transcript(watched.take(.all([], version: "9"), of: clusters)) == ["-shop"])
    #expect(watched.put(object(version: 6)) == nil)
    #expect(watched.take(.removed(object("new", uid: "2", version: 11)), of: clusters).isEmpty)
    #expect(watched.put(object("new", uid: "2", version: 10)) == nil)
  }

  @Test("an object that loses the watch's label and has it back is stored again")
  func labelRegained() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object(version: 5)], version: "5"), of: clusters)
    #expect(transcript(watched.take(.removed(object(version: 6)), of: clusters)) == ["-shop"])
    #expect(transcript(watched.take(.changed(object(version: 7)), of: clusters)) == ["+shop@7"])
    #expect(watched.put(object(version: 6)) == nil)
  }

  @Test("the loss of a label is ignored once a write has returned a newer version")
  func staleRemoval() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object(version: 5)], version: "5"), of: clusters)
    #expect(watched.put(object(version: 7)) != nil)
    #expect(watched.take(.removed(object(version: 6)), of: clusters).isEmpty)
    #expect(watched.values[shop]?.resourceVersion == "7")
  }

  @Test("a new object of the same name replaces the deleted one, whose late versions are ignored")
  func recreated() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object(version: 5)], version: "5"), of: clusters)
    // A list reports the new object before the watch has reported the deletion of the old one.
    #expect(transcript(watched.merge(list([object(uid: "u2", version: 8)], 8), of: clusters)) == ["~shop@8"])
    #expect(watched.put(object(uid: "u1", version: 6)) == nil)
    #expect(watched.take(.changed(object(uid: "u1", version: 6)), of: clusters).isEmpty)
    #expect(watched.take(.removed(object(uid: "u1", version: 7)), of: clusters).isEmpty)
    #expect(transcript(watched.take(.changed(object(uid: "u2", version: 9)), of: clusters)) == ["~shop@9"])
  }

  @Test("a list of one scope leaves the objects of other scopes alone")
  func scopes() {
    var watched = WatchedObjects<Object>()
    let other = WatchScope(.clusters, namespace: "other")
    _ = watched.take(.all([object(version: 5)], version: "5"), of: WatchScope(.clusters, namespace: "prod"))
    #expect(watched.take(.all([], version: "3"), of: other).isEmpty)
    #expect(watched.merge(list([], 9), of: other).isEmpty)
    #expect(watched.isListed(other) && !watched.isListed(clusters))
    #expect(watched.values[shop] != nil)
  }

  @Test("a list of a server that was restored from a backup replaces newer versions")
  func restored() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object("a", uid: "1", version: 50)], version: "60"), of: clusters)
    _ = watched.take(.changed(object(version: 70)), of: clusters)
    _ = watched.take(.removed(object("a", uid: "1", version: 80)), of: clusters)
    let changes = watched.take(.all([object("a", uid: "1", version: 40)], version: "45"), of: clusters)
    #expect(transcript(changes) == ["+a@40", "-shop"])
    #expect(watched.put(object("a", uid: "1", version: 46)) != nil)
  }

  @Test("a list of a restored server whose versions were raised replaces newer versions too")
  func restoredAndRaised() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object("a", uid: "1", version: 50)], version: "60"), of: clusters)
    _ = watched.take(.changed(object(version: 70)), of: clusters)
    _ = watched.take(.removed(object("a", uid: "1", version: 80)), of: clusters)
    let restored = [object("a", uid: "1", version: 40), object(version: 30)]
    let changes = watched.take(.all(restored, version: "1000080"), of: clusters)
    #expect(transcript(changes) == ["+a@40", "~shop@30"])
    #expect(watched.take(.all(restored, version: "1000090"), of: clusters).isEmpty)
    #expect(watched.merge(list(restored, 1_000_095), of: clusters).isEmpty)
  }

  @Test(
    "the deletion of a later object of the same name ends an earlier one, also if the later one was never stored"
  )
  func unseenSuccessor() {
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([object(version: 5)], version: "5"), of: clusters)
    #expect(transcript(watched.take(.removed(object(uid: "u2", version: 9)), of: clusters)) == ["-shop"])
  }

  @Test(
    "without numbers as versions the last report wins, and only a watch shows that a deleted object exists")
  func opaqueVersions() {
    func opaque(_ version: String) -> Object {
      var object = object(version: 0)
      object.json["metadata"]?["resourceVersion"] = .string(version)
      return object
    }
    var watched = WatchedObjects<Object>()
    _ = watched.take(.all([opaque("x")], version: "l1"), of: clusters)
    #expect(transcript(watched.take(.changed(opaque("a")), of: clusters)) == ["~shop@a"])
    #expect(watched.merge(ObjectList(items: [], resourceVersion: "l2"), of: clusters).isEmpty)
    #expect(transcript(watched.take(.all([], version: "l3"), of: clusters)) == ["-shop"])
    #expect(watched.put(opaque("b")) == nil)
    #expect(transcript(watched.take(.changed(opaque("c")), of: clusters)) == ["+shop@c"])
    #expect(watched.put(opaque("d")) != nil)
  }

  @Test("only the last deletions are remembered")
  func bounded() {
    var watched = WatchedObjects<Object>(tombstones: 2)
    for (index, name) in ["a", "b", "c"].enumerated() {
      _ = watched.take(.removed(object(name, uid: name, version: 10 + index)), of: clusters)
    }
    let stored = ["a", "b", "c"].map { watched.put(object($0, uid: $0, version: 5)) != nil }
    #expect(stored == [true, false, false])
  }

  @Test("an object of no interest leaves the last version in place")
  func undecodable() {
    var watched = WatchedObjects<String>()
    let labels: WatchedObjects<String>.Decoder = { object, known in
      object.isSuspended ? nil : (known ?? "") + object.resourceVersion
    }
    _ = watched.take(.all([object(version: 5)], version: "5"), of: clusters, decode: labels)
    var suspended = object(version: 6)
    suspended.json["metadata"]?["annotations"] = ["kdops.dev/suspend": "true"]
    #expect(watched.take(.changed(suspended), of: clusters, decode: labels).isEmpty)
    #expect(watched[.clusters, ObjectName(namespace: "prod", name: "shop")] == "5")
    #expect(watched.put(object(version: 7), decode: labels) != nil)
    #expect(watched.values[shop] == "57")
  }
}
