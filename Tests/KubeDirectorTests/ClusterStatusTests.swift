import KubeDirector
import Testing
import Values

@Suite("The status of a cluster")
struct ClusterStatusTests {
  static var full: ClusterStatus {
    var member = MemberStatus(
      pod: "a-worker-2", nodeID: 7, service: "a-worker-2", volumeClaim: "p-a-worker-2", state: .configError,
      podUpgradeStatus: .upgrading, app: "spark-1.1.0",
      upgrade: .init(
        id: "4f2c9ab", revision: "a-worker-6d5", containerID: "containerd://1", script: .podUpgraded,
        exitCode: 3,
        done: true))
    member.detail = .init(
      lastConfiguredContainer: "containerd://0",
      pendingNotifications: [
        Notification(
          event: .addNodes, nodes: .init(role: "worker", statefulSet: "a-worker", ordinals: [7, 3, 4, 5]),
          id: "n1")
      ],
      configError: "exit code 3", lastStdout: "out", lastStderr: "err", waitingReason: "ErrImagePull",
      waitingMessage: "not found", schedulingError: "no room", failedStep: .script, backup: "4f2c9ab")
    return ClusterStatus(
      state: .updating, app: "spark-1.1.0", appCatalog: .local,
      upgradeInfo: UpgradeInfo(
        isRollingBack: true, prevApp: "spark-1.0.0", prevAppCatalog: .system, id: "4f2c9ab", startedAt: 12),
      specCommit: "4f2c9ab", observedGeneration: 4, lastNodeID: 9,
      roles: [
        RoleStatus(id: "worker", statefulSet: "a-worker", upgradeStatus: .rollingBack, members: [member])
      ],
      conditions: [
        Condition(
          type: .stalled, status: true, reason: "ErrImagePull", message: "a-worker-2 cannot start",
          lastTransition: 1_769_850_300)
      ], lastRetry: "a-worker-2 1")
  }

  @Test("survives a round trip through its JSON form completely")
  func roundTrip() throws {
    let text = Self.full.json.text()
    #expect(ClusterStatus(try JSON.parse(text)) == Self.full)
    #expect(
      ClusterStatus(ClusterStatus(state: .creating, app: "x").json)
        == ClusterStatus(state: .creating, app: "x"))
  }

  @Test("has exactly the documented JSON strings")
  func words() {
    let json = Self.full.json
    #expect(json["upgradeInfo"]?["isRollingBack"] == true && json["upgradeInfo"]?["prevApp"] == "spark-1.0.0")
    let role = json["roles"]?[0]
    #expect(role?["roleUpgradeStatus"] == "RoleRollingBack" && role?["statefulSet"] == "a-worker")
    let member = role?["members"]?[0]
    #expect(member?["podUpgradeStatus"] == "PodUpgrading" && member?["state"] == "config error")
    #expect(member?["pvc"] == "p-a-worker-2" && member?["upgrade"]?["exitCode"] == 3)
    #expect(member?["stateDetail"]?["waitingReason"] == "ErrImagePull")
    #expect(json["conditions"]?[0]?["status"] == "True")
    #expect(json["memberStateRollup"]?["configErrors"] == true)
    #expect(
      RoleStatus.UpgradeStatus.allCases.map(\.rawValue)
        == ["RoleUpgrading", "RoleUpgraded", "RoleRollingBack", "RoleRolledBack"])
    #expect(
      MemberStatus.PodUpgradeStatus.allCases.map(\.rawValue) == [
        "PodConfigured", "PodUpgrading", "PodRollingBack",
      ])
  }

  @Test("contains no upgrade fields outside an upgrade")
  func atRest() {
    let json = ClusterStatus(state: .configured, app: "x").json
    #expect(json["upgradeInfo"] == nil && json["state"] == "configured")
  }

  @Test("is rebuilt instead of trusted if it is missing or damaged")
  func damaged() {
    #expect(ClusterStatus(nil) == nil)
    #expect(ClusterStatus(["state": "melted"]) == nil)
    let odd: JSON = [
      "state": "updating",
      "roles": [["members": 3], ["id": "r", "members": [["pod": 1], ["pod": "p", "state": "odd"]]]],
      "upgradeInfo": ["prevApp": 1],
    ]
    let status = ClusterStatus(odd)
    #expect(status?.upgradeInfo == nil)
    #expect(status?.members.map(\.state) == [.createPending])
  }
}
