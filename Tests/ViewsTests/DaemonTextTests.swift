import KubeDirector
import Reports
import Testing

@testable import Views

@Suite("The daemon's state as text")
struct DaemonTextTests {
  private let record = DaemonRecord(seen: 1000, fetched: 990, written: 940)

  private func lines(_ daemon: DaemonState) -> [String] { DaemonText(width: 160, now: 1060).lines(daemon) }

  @Test("a running daemon has the ages of its last fetch and status, and the error that prevents them")
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

  @Test("without a daemon, it shows when the last one was seen, that nothing proceeds, and the fix")
  func dead() {
    let lines = lines(DaemonState(.notRunning(lastSeen: 1000), record))
    #expect(lines[0].hasPrefix("no daemon runs   last seen 1970-01-01T00:16:40Z, 1 min ago   last fetch"))
    #expect(lines[1].contains("nothing is in progress: start a daemon with kdops run"))
  }

  @Test("an unknown state has its reason")
  func unknown() {
    #expect(
      lines(DaemonState(.unknown("git does not say"))) == [
        "it is unknown whether a daemon runs: git does not say"
      ])
  }

  @Test("without a daemon no timer runs")
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
