import ClusterAPI
import Diagnostics
import KubeDirector
import TestSupport
import Testing
import Values

@testable import kdops

@Suite("Clusters as people read them")
struct StatusTextTests {
  private func object(_ name: String, _ status: ClusterStatus?) -> Object {
    var object = Object(
      .clusters, namespace: "prod", name: name, annotations: ["kdops.dev/path": "clusters/prod/\(name).yaml"])
    object.json["spec"] = ["app": "spark-1.0.0"]
    object.json["status"] = status?.json
    return object
  }

  private let stalled = ClusterStatus(
    state: .updating, app: "spark-1.1.0",
    upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: "spark-1.0.0", id: "u1"),
    specCommit: "4f2c9ab0c1d2e3f405162738495a6b7c8d9e0f10",
    roles: [
      RoleStatus(
        id: "worker", statefulSet: "analytics-worker", upgradeStatus: .upgrading,
        members: [
          MemberStatus(pod: "analytics-worker-0", nodeID: 1, state: .configured, app: "spark-1.0.0"),
          MemberStatus(
            pod: "analytics-worker-1", nodeID: 2, state: .configError, podUpgradeStatus: .configured,
            app: "spark-1.1.0",
            detail: .init(configError: "startscript --pod_upgraded ended with exit code 3")),
        ])
    ],
    conditions: [
      Condition(
        type: .stalled, status: true, reason: "ConfigError",
        message:
          "analytics-worker-1: startscript --pod_upgraded ended with exit code 3; to go back to spark-1.0.0, revert commit 4f2c9ab",
        lastTransition: 0)
    ])

  private let resting = ClusterStatus(
    state: .configured, app: "kafka-3.7.0", specCommit: "1d0e77c000000000000000000000000000000000")

  @Test("a line each, aligned, with the reason where one is stuck")
  func list() throws {
    let text = StatusText(width: 160).list([
      object("analytics", stalled), object("ledger", resting), object("new", nil),
    ]).joined(separator: "\n")
    #expect(try text + "\n" == Golden.stored("status-list.txt", recording: text + "\n"))
    #expect(StatusText().list([]) == ["no clusters"])
  }

  @Test("one of them with its file and every member, the last ordinal first")
  func detail() throws {
    let text = StatusText(width: 160).detail(object("analytics", stalled)).joined(separator: "\n")
    #expect(try text + "\n" == Golden.stored("status-detail.txt", recording: text + "\n"))
    #expect(StatusText().detail(object("new", nil)) == ["prod/new   not yet looked at by the engine"])
  }

  @Test("what an upgrade waits for has a line of its own")
  func waiting() {
    var status = stalled
    status.conditions = [
      Condition(
        type: .progressing, status: true, reason: "Upgrading",
        message: "from spark-1.0.0 to spark-1.1.0; worker waits for analytics-worker-1", lastTransition: 0)
    ]
    #expect(
      StatusText().detail(object("analytics", status)).contains("  worker waits for analytics-worker-1"))
  }
}

@Suite("Waiting for what the daemon tells")
struct DemoWatchTests {
  private let cluster = ObjectReference(kind: Wire.clusterKind, namespace: "prod", name: "analytics")

  @Test("ends as soon as the condition holds")
  func holds() async {
    let watch = DemoWatch()
    async let waited = watch.wait(atMost: .seconds(3_600)) { [cluster] in
      $0.clusters[cluster]?.state == .configured
    }
    await watch.cluster(cluster, ClusterStatus(state: .creating, app: "a"))
    await watch.cluster(cluster, ClusterStatus(state: .configured, app: "a"))
    #expect(await waited)
  }

  @Test("gives up after its limit")
  func givesUp() async {
    #expect(await DemoWatch().wait(atMost: .milliseconds(1)) { _ in false } == false)
  }
}
