import ClusterAPI
import Diagnostics
import KubeDirector
import Reports
import Testing
import Values

@testable import kdops

@Suite("The snapshot of a status")
struct StatusSnapshotTests {
  private static func cluster(
    reason: StatusReason? = nil, stall: String? = nil, upgrade: UpgradeInfo? = nil, generation: Int = 1
  ) -> Object {
    var object = Object(.clusters, namespace: "prod", name: "a")
    object.json["metadata"]?["generation"] = JSON(generation)
    var conditions: [Condition] = []
    if let reason {
      conditions.append(
        Condition(type: .progressing, status: false, reason: reason, message: "x", lastTransition: 0))
    }
    if let stall {
      conditions.append(
        Condition(type: .stalled, status: true, reason: .stalled, message: stall, lastTransition: 0))
    }
    var status = ClusterStatus(
      state: .configured, app: "spark-1.1.0", observedGeneration: 1, conditions: conditions)
    status.upgradeInfo = upgrade
    object.json["status"] = status.json
    return object
  }

  private static let rejected = BlockedChange(
    commit: "4f2c9ab", object: .cluster("prod", "a"), verdict: .rejected, rules: [], message: "not newer")

  private func snapshot(_ clusters: Object..., daemon: DaemonState = DaemonState(.running)) -> StatusSnapshot
  {
    StatusSnapshot(clusters: clusters, daemon: daemon)
  }

  @Test("while it is watched, unknown blocked changes are shown")
  func unknownBlocked() {
    let screen = StatusScreen(
      format: .human, isSingle: false, watches: true, showsHistory: false, isProgress: true, flags: "",
      console: Console(descriptor: 1, colours: .never, environment: [:]))
    var snapshot = StatusSnapshot(clusters: [], daemon: DaemonState(.running))
    snapshot.blockedProblem = "blocked changes cannot be read"
    #expect(screen.progress(snapshot, taken: 1).contains("blocked changes cannot be read"))
  }

  @Test("a long reason why blocked changes are unknown is wrapped, and its lines count in the height")
  func longProblem() {
    let console = Console(descriptor: 1, colours: .never, environment: ["TERM": "dumb"])
    let screen = StatusScreen(
      format: .human, isSingle: false, watches: true, showsHistory: false, isProgress: true, flags: "",
      console: console)
    var snapshot = StatusSnapshot(
      clusters: (0..<200).map { Object(.clusters, namespace: "prod", name: "c\($0)") },
      daemon: DaemonState(.running))
    snapshot.blockedProblem = String(repeating: "unknown ", count: 60)
    let lines = screen.progress(snapshot, taken: 1)
    let problem = lines.filter { $0.hasPrefix("unknown") }
    let longest = lines.map(\.count).max() ?? 0
    #expect(problem.count == 3)
    #expect(longest <= 200)
    #expect(lines.count <= console.size.rows - 2)
  }

  @Test("is healthy only if all is known and without a problem")
  func healthy() {
    let name = ClusterSelection.cluster(ObjectName(namespace: "prod", name: "a"))
    let good = snapshot(Self.cluster())
    for selection in [ClusterSelection.all, .namespace("prod"), name] { #expect(good.isHealthy(selection)) }
    #expect(snapshot().isHealthy(.all))
    for selection in [ClusterSelection.namespace("prod"), name] {
      #expect(!snapshot().isHealthy(selection), "a selection without clusters")
    }
    let upgrade = UpgradeInfo(isRollingBack: false, prevApp: "spark-1.0.0", id: "u")
    for bad in [
      Self.cluster(reason: .rejected), Self.cluster(reason: .waiting), Self.cluster(stall: "x"),
      Self.cluster(upgrade: upgrade), Self.cluster(generation: 2),
      Object(.clusters, namespace: "prod", name: "a"),
    ] { #expect(!snapshot(Self.cluster(), bad).isHealthy(.all), "\(bad.json)") }
    var unfetched = DaemonState(.running)
    unfetched.problem = "the repository cannot be fetched: x"
    for daemon in [unfetched, DaemonState(.unknown("x")), DaemonState(.notRunning(lastSeen: 1))] {
      #expect(!snapshot(Self.cluster(), daemon: daemon).isHealthy(.all), "\(daemon)")
    }
    var blocked = good
    blocked.blocked = BlockedChangeList(changes: [Self.rejected])
    #expect(!blocked.isHealthy(.all))
    var unread = good
    unread.blockedProblem = "blocked changes cannot be read"
    #expect(!unread.isHealthy(.all))
  }
}
