import Testing

@testable import EmbeddedCluster

@Suite("The resources of a node")
struct NodeResourcesTests {
  @Test("are claimed once for each pod, and a pod that finds too little waits until another one has ended")
  func waiting() {
    var resources = NodeResources(NodeCapacity(milliCPU: 1_000, memory: nil))
    func admit(_ uid: String, _ cpu: Int64) -> String? { resources.admit(uid, (cpu, 1 << 40)) }
    #expect(admit("a", 600) == nil)
    #expect(admit("a", 600) == nil, "it has its claim")
    #expect(admit("b", 600) == "Insufficient cpu")
    #expect(admit("c", 400) == nil)
    let retried = resources.release("a")
    #expect(retried == ["b"])
    #expect(admit("b", 600) == nil)
    let none = resources.release("c")
    #expect(none == [])
  }

  @Test("can be exceeded by pods of an earlier run, and then admit no further pod")
  func exceeded() {
    var resources = NodeResources(NodeCapacity(milliCPU: nil, memory: 100))
    resources.claim((0, 150), for: "old")
    let lack = resources.admit("new", (0, 0 + 1))
    #expect(lack == "Insufficient memory")
  }

  @Test("include addresses that are unique among the pods that exist")
  func addresses() {
    var pool = AddressPool()
    pool.use("10.244.0.2")
    let addresses = (0..<300).map { _ in pool.next() }
    #expect(Set(addresses).count == 300)
    #expect(addresses.prefix(2) == ["10.244.0.1", "10.244.0.3"])
    #expect(addresses.last == "10.244.1.45")
  }
}
