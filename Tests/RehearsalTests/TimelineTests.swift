import Diagnostics
import KubeDirector
import Rules
import Testing

@testable import Rehearsal

@Suite("A rehearsal's timeline")
struct TimelineTests {
  private let cluster = ObjectReference.cluster("prod", "a")
  private var timeline = Timeline()

  private func status(_ member: MemberStatus?, isRollingBack: Bool = false) -> ClusterStatus {
    ClusterStatus(
      state: .updating, app: "a-2",
      upgradeInfo: UpgradeInfo(isRollingBack: isRollingBack, prevApp: "a-1", id: "u"),
      roles: [RoleStatus(id: "w", statefulSet: "a-w", members: member.map { [$0] } ?? [])])
  }

  private func lines(_ entries: [Timeline.Entry]) -> [String] {
    entries.map { entry in
      let code = entry.exitCode.map { " exit \($0)" } ?? ""
      return "\(entry.pod) \(RehearsalText.words(entry)) \(RehearsalText.seconds(entry.took))\(code)"
        + (entry.stallReason.map { " (\($0))" } ?? "")
    }
  }

  /// A configured member.
  private let rest = MemberStatus(
    pod: "a-w-0", nodeID: 1, state: .configured, app: "a-1",
    detail: .init(lastConfiguredContainer: "c1"))

  private func claimed(_ step: MemberStatus.PodUpgradeStatus = .upgrading, _ revision: String = "r2")
    -> MemberStatus
  {
    var member = rest
    member.podUpgradeStatus = step
    member.upgrade = .init(id: "u", revision: revision)
    member.state = .creating
    member.detail.lastConfiguredContainer = nil
    return member
  }

  private func notified(_ event: LifecycleEvent, _ member: MemberStatus) -> MemberStatus {
    var member = member
    member.podUpgradeStatus = .configured
    member.detail.lastConfiguredContainer = "c2"
    member.detail.pendingNotifications = [Notification(event: event, id: "u")]
    return member
  }

  private mutating func play(_ steps: [(Int, MemberStatus?)], isRollingBack: Bool = false) -> [String] {
    steps.flatMap { at, member in
      lines(timeline.note(cluster, status(member, isRollingBack: isRollingBack), at: .seconds(at)))
    }
  }

  @Test("has the replacement and the script of a pod, each with its duration")
  mutating func upgrade() {
    var done = notified(.podUpgraded, claimed())
    done.detail.pendingNotifications = []
    done.upgrade?.done = true
    let steps = [(0, rest), (1, claimed()), (4, notified(.podUpgraded, claimed())), (6, done)]
    #expect(
      play(steps) == ["a-w-0 set up 0.0 s", "a-w-0 replaced 3.0 s", "a-w-0 --pod_upgraded 2.0 s exit 0"])
    #expect(timeline.replaced(in: cluster) == ["a-w-0"])
    #expect(timeline.notified(.podUpgraded, in: cluster) == ["a-w-0"])
  }

  @Test("has the exit code and reason of a failed script once, and no notified pod")
  mutating func failure() {
    var failed = notified(.podUpgraded, claimed())
    failed.state = .configError
    failed.upgrade?.exitCode = 3
    failed.detail.configError = "ended with exit code 3"
    let steps = [(0, rest), (1, claimed()), (2, notified(.podUpgraded, claimed())), (5, failed), (6, failed)]
    #expect(play(steps).last == "a-w-0 --pod_upgraded 3.0 s exit 3 (ended with exit code 3)")
    #expect(timeline.entries.count == 3)
    #expect(timeline.notified(.podUpgraded, in: cluster) == [])
  }

  @Test("has a pod that cannot start once, however often the reason changes")
  mutating func stuck() {
    var stuck = claimed()
    stuck.detail.waitingReason = "ErrImagePull"
    var backOff = stuck
    backOff.detail.waitingReason = "ImagePullBackOff"
    let steps = [(0, rest), (1, claimed()), (2, stuck), (3, backOff), (4, stuck)]
    #expect(play(steps) == ["a-w-0 set up 0.0 s", "a-w-0 not started 1.0 s (ErrImagePull)"])
  }

  @Test("counts a notification that a rollback withdraws as not run")
  mutating func withdrawn() {
    _ = play([(0, rest), (1, claimed()), (2, notified(.podUpgraded, claimed()))])
    var back = notified(.podReverted, claimed(.rollingBack, "r1"))
    back.detail.pendingNotifications = []
    let steps = [
      (3, claimed(.rollingBack, "r1")), (5, notified(.podReverted, claimed(.rollingBack, "r1"))), (6, back),
    ]
    #expect(
      play(steps, isRollingBack: true) == ["a-w-0 replaced 2.0 s", "a-w-0 --pod_reverted 1.0 s exit 0"])
    #expect(timeline.notified(.podUpgraded, in: cluster) == [])
  }

  @Test("has a member that is removed")
  mutating func removal() {
    #expect(play([(0, rest), (2, nil)]).last == "a-w-0 deleted 0.0 s")
  }

  @Test(
    "shows durations in tenths of a second", arguments: [(0, "0.0 s"), (649, "0.6 s"), (83_050, "83.1 s")])
  func seconds(milliseconds: Int, words: String) {
    #expect(RehearsalText.seconds(.milliseconds(milliseconds)) == words)
  }
}
