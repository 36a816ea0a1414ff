import KubeDirector
import Testing
import Upgrade

@Suite("The cost of an upgrade")
struct BudgetTests {
  @Test(
    "is at most four status writes and four commands for each pod, and one write for the backup",
    arguments: [1, 3, 9])
  func upgrade(members: Int) {
    var stage = UpgradingTests.workers(members, hasStorage: true)
    (stage.statusWrites, stage.orders) = (0, 0)
    stage.commit(app: "app-1.1")
    stage.settle()
    #expect(stage.status?.app == "app-1.1")
    #expect(stage.statusWrites <= 4 * members + 1)
    #expect(stage.orders <= 4 * members)
  }

  @Test("is not higher for a rollback", arguments: [2, 9])
  func rollback(members: Int) {
    var stage = UpgradingTests.workers(members)
    stage.commit(app: "app-1.1")
    stage.settle { $0.member("worker-0")?.podUpgradeStatus == .configured }
    stage.heldScripts = ["worker-0"]
    stage.settle()
    (stage.statusWrites, stage.orders) = (0, 0)
    stage.heldScripts = []
    stage.commit(app: "app-1.0")
    stage.settle()
    #expect(stage.status?.app == "app-1.0")
    #expect(stage.statusWrites <= 4 * members)
    #expect(stage.orders <= 4 * members)
  }

  @Test("is zero writes and zero requests while the cluster is configured")
  func atRest() {
    var stage = UpgradingTests.workers(3)
    stage.checkNothingIsLeft()
    stage.commit(app: "app-1.1")
    stage.settle()
    stage.checkNothingIsLeft()
    #expect(stage.violations == [])
    #expect(stage.decision()?.actions == [])
  }
}
