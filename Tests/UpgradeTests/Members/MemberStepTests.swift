import KubeDirector
import Testing

@testable import Upgrade

@Suite("The step of a member")
struct MemberStepTests {
  private typealias Step = MemberStatus.PodUpgradeStatus

  private func status(rollingBack: Bool? = false) -> ClusterStatus {
    let info = rollingBack.map { UpgradeInfo(isRollingBack: $0, prevApp: $0 ? "new" : "old", id: "u") }
    return ClusterStatus(state: .updating, app: rollingBack == false ? "new" : "old", upgradeInfo: info)
  }

  private func member(
    _ step: Step?, app: String = "old", id: String = "u", done: Bool = false
  ) -> MemberStatus {
    MemberStatus(
      pod: "c-worker-0", nodeID: 1, state: .configured, podUpgradeStatus: step, app: app,
      upgrade: MemberStatus.Ledger(id: id, revision: "r2", done: done))
  }

  private func remains(installed: Bool, new: Bool, done: Bool) -> MemberStep {
    .toRollBack(.init(revision: "r2", isInstalled: installed, hasNewApp: new, isDone: done))
  }

  @Test("is untouched outside an upgrade, without an entry, and with an entry of another upgrade")
  func untouched() {
    #expect(MemberStep(member(.upgrading), in: status(rollingBack: nil)) == .untouched)
    #expect(MemberStep(member(.configured, id: "other", done: true), in: status()) == .untouched)
    #expect(MemberStep(MemberStatus(pod: "c-worker-0", nodeID: 1), in: status()) == .untouched)
  }

  @Test("of an upgrade goes from claimed over installed to done")
  func upgrade() {
    let steps = [
      member(.upgrading), member(.configured, app: "new"), member(.configured, app: "new", done: true),
    ].map { MemberStep($0, in: status()) }
    #expect(steps == [.claimed(revision: "r2"), .installed(revision: "r2"), .done(revision: "r2")])
    #expect(steps.map(\.isOpen) == [true, true, false])
  }

  @Test("of a rollback begins with what the upgrade left")
  func beginOfRollback() {
    let steps = [
      member(.upgrading), member(.configured, app: "new"), member(.configured, app: "new", done: true),
      // Upgraded, then claimed again because it lost its image.
      member(.upgrading, app: "new"),
    ].map { MemberStep($0, in: status(rollingBack: true)) }
    #expect(
      steps == [
        remains(installed: false, new: false, done: false), remains(installed: true, new: true, done: false),
        remains(installed: true, new: true, done: true), remains(installed: false, new: true, done: false),
      ])
    #expect(steps.allSatisfy { !$0.allowsWork(in: "r2") && !$0.allowsWork(in: "r1") })
  }

  @Test("of a rollback takes the same way as that of an upgrade")
  func rollback() {
    let steps = [member(.rollingBack, app: "new"), member(.configured), member(.configured, done: true)]
      .map { MemberStep($0, in: status(rollingBack: true)) }
    #expect(steps == [.claimed(revision: "r2"), .installed(revision: "r2"), .done(revision: "r2")])
  }

  @Test("allows work in a claimed pod only once it is the new one")
  func work() {
    let claimed = MemberStep.claimed(revision: "r2")
    #expect(claimed.allowsWork(in: "r2") && !claimed.allowsWork(in: "r1"))
    #expect(MemberStep.untouched.allowsWork(in: "r1"))
    #expect(MemberStep.installed(revision: "r2").allowsWork(in: "r1"))
    let old = PodObservation(uid: "1", revision: "r1")
    #expect(claimed.replaces(old))
    #expect(!MemberStep.done(revision: "r2").replaces(old))
    #expect(!claimed.replaces(PodObservation(uid: "2", revision: "r2")))
  }

  @Test("keeps the revision of a pod that the upgrade claimed and never moved")
  func keeps() {
    #expect(remains(installed: false, new: false, done: false).keeps("r1"))
    #expect(!remains(installed: false, new: false, done: false).keeps("r2"))
    #expect(!remains(installed: true, new: true, done: true).keeps("r1"))
    #expect(MemberStep.done(revision: "r1").keeps("r1"))
    #expect(!MemberStep.untouched.keeps("r1"))
  }

  private func turn(_ members: (MemberStep, PodHealth, isOnOther: Bool)...) -> RoleTurn {
    RoleTurn(
      members: members.map {
        RoleTurn.Member(step: $0.0, health: $0.1, goal: "goal", isOnOtherRevision: $0.isOnOther)
      })
  }

  @Test("an upgrade continues with the member in progress, then takes the last one that is not finished")
  func nextToUpgrade() {
    let done = MemberStep.done(revision: "goal")
    let open = MemberStep.claimed(revision: "goal")
    #expect(turn((open, .down, false), (.untouched, .healthy, true)).nextToUpgrade == 0)
    #expect(
      turn((.untouched, .healthy, true), (.untouched, .healthy, true), (done, .healthy, false)).nextToUpgrade
        == 1)
    #expect(turn((done, .healthy, false), (done, .healthy, true)).nextToUpgrade == 1)
    #expect(turn((done, .healthy, false), (done, .down, false)).nextToUpgrade == nil)
  }

  @Test("a rollback takes pods that are out of service first, and never a second one beside an open claim")
  func nextToRollBack() {
    let claimed = MemberStep.claimed(revision: "goal")
    let upgraded = remains(installed: true, new: true, done: true)
    let begun = remains(installed: false, new: false, done: false)
    #expect(turn((claimed, .down, false), (upgraded, .down, true)).nextToRollBack == 0)
    #expect(turn((begun, .down, true), (upgraded, .down, true)).nextToRollBack == 0)
    #expect(turn((upgraded, .failed, true), (upgraded, .healthy, true)).nextToRollBack == 0)
    #expect(turn((upgraded, .settingUp, true), (upgraded, .healthy, true)).nextToRollBack == 0)
    #expect(turn((begun, .healthy, false), (upgraded, .healthy, true)).nextToRollBack == 0)
    #expect(turn((upgraded, .healthy, true), (upgraded, .healthy, true)).nextToRollBack == 1)
    #expect(
      turn((.done(revision: "goal"), .down, false), (.untouched, .down, true)).nextToRollBack == nil)
  }
}
