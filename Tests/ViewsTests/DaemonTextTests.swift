import KubeDirector
import StatusWriter
import Testing

@testable import Views

@Suite("What is said of the daemon")
struct DaemonTextTests {
  private let record = DaemonRecord(seen: 1000, fetched: 990, written: 940)

  private func lines(_ daemon: DaemonState) -> [String] { DaemonText(width: 160, now: 1060).lines(daemon) }

  @Test("one that runs: how long ago it fetched and wrote its status, and what keeps it from that")
  func running() {
    #expect(
      lines(DaemonState(.running, record)) == [
        "daemon running   last fetch 1 min 10 s ago   last status 2 min ago"
      ])
    #expect(lines(DaemonState(.running)) == ["daemon running   nothing fetched yet   no status written yet"])
    var stuck = record
    stuck.problem = "the repository cannot be fetched: it is gone"
    #expect(
      lines(DaemonState(.running, stuck)).last == "  the repository cannot be fetched: it is gone")
  }

  @Test("none: when the last one was seen, that nothing goes on, and what to do")
  func dead() {
    let lines = lines(DaemonState(.notRunning(lastSeen: 1000), record))
    #expect(lines[0].hasPrefix("no daemon runs   last seen 1970-01-01T00:16:40Z, 1 min ago   last fetch"))
    #expect(lines[1].contains("nothing is in progress: start a daemon with kdops run"))
  }

  @Test("unknown: why")
  func unknown() {
    #expect(
      lines(DaemonState(.unknown("git does not say"))) == [
        "whether a daemon runs is not known: git does not say"
      ])
  }

  @Test("where no daemon runs no timer runs either")
  func timers() {
    var worker = MemberStatus(
      pod: "a-worker-0", nodeID: 1, state: .configured, podUpgradeStatus: .upgrading, app: "spark-1.0.0")
    worker.upgrade = .init(id: "u", revision: "", since: 100)
    let status = ClusterStatus(
      state: .updating, app: "spark-1.1.0",
      upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: "spark-1.0.0", id: "u", startedAt: 100),
      roles: [RoleStatus(id: "worker", statefulSet: "", upgradeStatus: .upgrading, members: [worker])])
    let view = ClusterView(name: "prod/a", status: status, whole: true)
    let text = ProgressText(width: 100)
    #expect(text.lines(view, now: 200) != text.lines(view, now: 300))
    let frozen = view.withoutTimers
    #expect(text.lines(frozen, now: 200) == text.lines(frozen, now: 300))
    #expect(text.lines(frozen, now: 200).joined().contains("starting"))
  }
}
