import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Upgrade
import Values

@testable import Controller

@Suite("The values of the cluster cache")
struct CacheValueTests {
  private static let name = ObjectName(namespace: "prod", name: "c")

  private func order(_ container: String = "1") -> PodOrder {
    PodOrder(role: "worker", containerID: container, task: .discardBackup(id: "u", app: "a"))
  }

  @Test("a pod runs one order at a time, and a new container may get another one")
  func claim() {
    var table = PodWorkTable()
    let claims = [order(), order(), order("2")].map { table.claim(Self.name, pod: "c-0", $0) }
    #expect(claims == [true, false, true])
    #expect(table.of(Self.name) == ["c-0": .running(order("2"))])
    // The order of the first container ends late.
    table.end(Self.name, pod: "c-0", order("1"), nil)
    #expect(table.of(Self.name) == ["c-0": .running(order("2"))])
  }

  @Test("a result stays until a status that contains it is written")
  func results() {
    var table = PodWorkTable()
    let result = PodWork.finished(order(), PodResult(exitCode: 0))
    _ = table.claim(Self.name, pod: "c-0", order())
    table.dropFinished(Self.name, table.of(Self.name))
    #expect(table.of(Self.name).count == 1)
    table.end(Self.name, pod: "c-0", order(), result)
    let seen = table.of(Self.name)
    #expect(seen == ["c-0": result])
    table.dropFinished(Self.name, seen)
    #expect(table.of(Self.name).isEmpty)
  }

  @Test("counts start failures per container, reports lasting ones, and forgets them after a result")
  func startFailures() {
    var table = PodWorkTable()
    func fail(_ container: String = "1") -> Int {
      table.recordStartFailure(Self.name, pod: "c-0", order(container), .notStarted, "no shell").notStarted
    }
    for count in 1...4 { #expect(fail() == count) }
    #expect(table.lastingFailures(of: Self.name).isEmpty)
    #expect(fail() == 5)
    #expect(table.lastingFailures(of: Self.name)["c-0"]?.message == "no shell")
    #expect(fail("2") == 1)
    _ = table.claim(Self.name, pod: "c-0", order("2"))
    table.end(Self.name, pod: "c-0", order("2"), .finished(order("2"), PodResult(exitCode: 0)))
    #expect(fail("2") == 1)
    table.forget(Self.name)
    #expect(table.lastingFailures(of: Self.name).isEmpty)
  }

  @Test("a cluster's status is decoded from a change, and taken over from the write that made it")
  func knownCluster() throws {
    let stamp = Stamp.forTests
    var object = Object(
      .clusters, namespace: "prod", name: "c", content: ["spec": ["app": "a", "roles": []]])
    let mark = stamp.of(object.json)
    object.json["metadata"]?["annotations"] = [Wire.Annotation.stamp: .string(mark)]
    let first = KnownCluster(object, over: nil, stamp: stamp)
    #expect(first.status == nil && first.isStamped && first.cluster?.spec.app == "a")
    let status = ClusterStatus(state: .creating, app: "a")
    object.json["status"] = status.json
    let written = KnownCluster(object, over: first, stamp: stamp, written: (status, status.json))
    #expect(written.status == status && written.isStamped)
    #expect(KnownCluster(object, over: first, stamp: stamp).status == status)
    // The server may change what was written.
    object.json["status"]?["state"] = "updating"
    let changed = KnownCluster(object, over: written, stamp: stamp, written: (status, status.json))
    #expect(changed.status?.state == .updating)
  }

  @Test("the stamp of a cluster is checked again when its spec, its annotations or its name change")
  func stamp() {
    let stamp = Stamp.forTests
    var object = Object(.clusters, namespace: "prod", name: "c", content: ["spec": ["app": "a"]])
    let mark = stamp.of(object.json)
    object.json["metadata"]?["annotations"] = [Wire.Annotation.stamp: .string(mark)]
    let known = KnownCluster(object, over: nil, stamp: stamp)
    #expect(known.isStamped)
    for change: (inout JSON) -> Void in [
      { $0["spec"]?["app"] = "b" }, { $0["metadata"]?["annotations"]?[Wire.Annotation.path] = "x.yaml" },
      { $0["metadata"]?["name"] = "d" },
    ] {
      var edited = object
      change(&edited.json)
      let after = KnownCluster(edited, over: known, stamp: stamp)
      #expect(!after.isStamped)
      #expect(after.cluster == Cluster(edited.json))
    }
  }
}
