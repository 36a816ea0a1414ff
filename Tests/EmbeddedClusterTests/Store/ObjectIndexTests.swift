import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import EmbeddedCluster

@Suite("The index of a store")
struct ObjectIndexTests {
  private static func record(
    _ id: Int64, _ name: String, cluster: String? = nil, owner: String? = nil
  ) -> ObjectStore.Record {
    ObjectStore.Record(
      id: id, kind: "Pod", object: object(name, cluster: cluster, owner: owner), version: id, isStored: false)
  }

  private static func object(_ name: String, cluster: String? = nil, owner: String? = nil) -> Object {
    var metadata: JSON = ["namespace": "prod", "name": .string(name), "uid": .string("uid-\(name)")]
    if let cluster { metadata["labels"] = .object([Wire.Label.cluster: .string(cluster)]) }
    if let owner {
      metadata["ownerReferences"] = [["kind": "StatefulSet", "name": "s", "uid": .string(owner)]]
    }
    return Object(["kind": "Pod", "metadata": metadata])
  }

  private static func names(_ index: ObjectIndex, cluster: String) -> [String] {
    index.candidates("Pod", namespace: "prod", labels: LabelSelector(equals: [Wire.Label.cluster: cluster]))
      .map(\.name.name).sorted()
  }

  @Test("finds objects by cluster, also after their label has changed, and not after their removal")
  func clusters() {
    var index = ObjectIndex()
    let (a, b) = (Self.record(1, "a", cluster: "spark"), Self.record(2, "b", cluster: "spark"))
    index.insert(a)
    index.insert(b)
    index.insert(Self.record(3, "c"))
    #expect(Self.names(index, cluster: "spark") == ["a", "b"])
    index.update(b, to: Self.object("b", cluster: "kafka"))
    #expect(Self.names(index, cluster: "spark") == ["a"])
    #expect(Self.names(index, cluster: "kafka") == ["b"])
    let (first, second) = (index.remove(a), index.remove(a))
    #expect(first && !second)
    #expect(Self.names(index, cluster: "spark") == [])
    #expect(index.all("Pod").count == 2)
  }

  @Test("finds the dependents of an owner, and those whose owner does not exist")
  func owners() {
    var index = ObjectIndex()
    let pod = Self.record(2, "pod", owner: "uid-set")
    index.insert(pod)
    #expect(index.dependents(of: "uid-set").map(\.name.name) == ["pod"])
    #expect(index.orphans().map(\.name.name) == ["pod"])
    let set = Self.record(1, "set")
    index.insert(set)
    #expect(index.orphans().isEmpty)
    index.update(pod, to: Self.object("pod", owner: "uid-other"))
    #expect(index.dependents(of: "uid-set").isEmpty)
    #expect(index.isOrphan(pod))
    index.update(pod, to: Self.object("pod"))
    #expect(!index.isOrphan(pod), "an object without owners")
  }
}
