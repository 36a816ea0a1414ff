import KubeDirector
import Testing
import Upgrade

@Suite("The volume claims of members that are added to an adopted cluster")
struct NewClaimsTests {
  private static var adopted: Stage {
    var stage = Stage([.init(id: "worker", members: 1, hasStorage: true)])
    stage.settle()
    stage.status?.adopted = AdoptedCluster(headlessService: "kdhs-2b7qd", app: "app-1.0")
    stage.newClaims = [:]
    return stage
  }

  private static func claims(_ stage: Stage) -> [String] { (stage.newClaims ?? [:]).keys.sorted() }

  @Test("lose the cluster as their owner, also if the daemon is killed after any write")
  func released() {
    var clean = Self.adopted
    clean.commit(members: 3, of: "worker")
    let count = clean.writesUntilRest()
    #expect(Self.claims(clean).count == 2 && clean.status?.members.count == 3)
    for writes in 0...count {
      var stage = Self.adopted
      stage.commit(members: 3, of: "worker")
      stage.daemon.life = writes
      stage.settle()
      #expect(Self.claims(stage) == Self.claims(clean), "killed after \(writes) writes")
      #expect(stage.newClaims?.values.allSatisfy { $0 == .released } == true, "killed after \(writes) writes")
      #expect(stage.status?.adopted?.newClaims == [], "killed after \(writes) writes")
      #expect(stage.status?.state == .configured && stage.violations == [])
    }
  }

  @Test("are remembered while they cannot be read, and nothing waits for that")
  func unread() {
    var stage = Self.adopted
    stage.newClaims = nil
    stage.commit(members: 2, of: "worker")
    stage.settle()
    #expect(stage.status?.state == .configured)
    #expect(stage.status?.adopted?.newClaims.count == 1)
  }
}
