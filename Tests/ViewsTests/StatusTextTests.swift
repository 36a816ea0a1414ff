import ClusterAPI
import Diagnostics
import KubeDirector
import Manifests
import Reports
import TestSupport
import Testing
import Values

@testable import Views

@Suite("Clusters as text")
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
          "analytics-worker-1: startscript --pod_upgraded ended with exit code 3; to return to spark-1.0.0, revert commit 4f2c9ab",
        lastTransition: 0)
    ])

  private let resting = ClusterStatus(
    state: .configured, app: "kafka-3.7.0", specCommit: "1d0e77c000000000000000000000000000000000")

  @Test("each cluster has an aligned line, with the reason if it is stalled")
  func list() throws {
    let text = StatusText(width: 160).list([
      object("analytics", stalled), object("ledger", resting), object("new", nil),
    ]).joined(separator: "\n")
    #expect(try text + "\n" == Golden.stored("status-list.txt", recording: text + "\n"))
    #expect(StatusText().list([]) == ["no clusters"])
  }

  @Test("what the status tree lacks is absent from JSON made of it")
  func fromGit() throws {
    let file = ClusterFile(namespace: "prod", name: "analytics", status: stalled, phase: .failed)
    let json = try #require(file.object.json["status"])
    #expect(!json.text().contains("1970"))
    for unknown in [
      "memberStateRollup", "observedGeneration", "lastNodeID", "lastRetry", "connections",
    ] { #expect(json[unknown] == nil, "\(unknown)") }
    #expect(json["upgradeInfo"]?["startedAt"] == nil)
    #expect(json["conditions"]?.array?.count == 1)
    #expect(json["roles"]?.array?.allSatisfy { $0["members"] == nil && $0["statefulSet"] == nil } == true)
    let text = StatusText(width: 200).detail(file.object).joined(separator: "\n")
    #expect(text.contains("✗ stalled") && text.contains("ended with exit code 3"))
  }

  @Test("the command that ends a stall can be copied from a terminal of any width")
  func command() {
    var status = stalled
    let path = "clusters/production/europe/analytics.yaml"
    status.conditions[0].message += ": " + RestoreCommand.text(before: "4f2c9ab", path: path)
    for lines in [
      StatusText(width: 60).list([object("analytics", status)]),
      StatusText(width: 60).detail(object("analytics", status)),
    ] {
      let text = lines.joined(separator: "\n")
      #expect(text.contains("git restore --source=4f2c9ab~1 \\\n"))
      #expect(text.contains(path) && text.contains("git push"))
    }
  }

  @Test("on a narrow terminal the reason and the remediation are below, wrapped and not cut")
  func narrowList() {
    let lines = StatusText(width: 60).list([object("analytics", stalled), object("ledger", resting)])
    #expect(
      lines.dropFirst().prefix(3) == [
        "  analytics-worker-1: startscript --pod_upgraded ended with",
        "  exit code 3", "  to return to spark-1.0.0, revert commit 4f2c9ab",
      ])
    #expect(lines.count == 5)
  }

  @Test("a single cluster shows reasons in full on a narrow terminal, even one long word")
  func narrowDetail() {
    var status = stalled
    let image = "registry.example/" + String(repeating: "team/", count: 20) + "spark:1.2.0"
    status.roles[0].members[1].detail = .init(
      waitingReason: .errImagePull, waitingMessage: "\(image): not found")
    let lines = StatusText(width: 60).detail(object("analytics", status))
    #expect(lines.dropFirst().allSatisfy { !$0.contains("…") && $0.count <= 60 })
    let joined = lines.map { $0.drop { $0 == " " } }.joined()
    #expect(joined.contains(image))
  }

  @Test("a single cluster shows the last lines of a failed script, and the command for the rest")
  func output() {
    var status = stalled
    status.roles[0].members[1].detail.lastStdout = "started"
    status.roles[0].members[1].detail.lastStderr = (1...7).map { "line \($0)" }.joined(separator: "\n") + "\n"
    let lines = StatusText(width: 160, flags: " --context=x").detail(object("analytics", status))
    let shown = lines.filter { $0.hasPrefix("        ") }
    #expect(
      shown == (3...7).map { "        | line \($0)" } + [
        "        all output: kdops logs prod/analytics/analytics-worker-1 --context=x"
      ])
  }

  @Test("the wide form adds members, age and file")
  func wide() {
    var cluster = object("ledger", stalled)
    cluster.json["metadata"]?["creationTimestamp"] = .string(Timestamp.text(1_800_000_000))
    let line = StatusText(width: 200).list([cluster], wide: 1_800_000_060).first
    #expect(line?.contains("   1/2 members   created 1 min ago   clusters/prod/ledger.yaml") == true)
  }

  @Test("a single cluster has its file and every member, the last ordinal first")
  func detail() throws {
    let text = StatusText(width: 160).detail(object("analytics", stalled)).joined(separator: "\n")
    #expect(try text + "\n" == Golden.stored("status-detail.txt", recording: text + "\n"))
    #expect(StatusText().detail(object("new", nil)) == ["prod/new   not yet processed by the engine"])
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

@Suite("Clusters from the status tree")
struct StatusFromGitTests {
  private func lines(_ file: ClusterFile) -> [String] { StatusText().detail(file.object) }

  private let status = ClusterStatus(
    state: .updating, app: "spark-1.1.0",
    upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: "spark-1.0.0", id: "u1"), specCommit: "4f2c9ab",
    roles: [
      RoleStatus(
        id: "worker", statefulSet: "a-worker",
        members: [MemberStatus(pod: "a-worker-0", nodeID: 1), MemberStatus(pod: "a-worker-1", nodeID: 2)])
    ],
    conditions: [
      Condition(
        type: .stalled, status: true, reason: "ErrImagePull",
        message: "a-worker-1: ErrImagePull; to return to spark-1.0.0, revert commit 4f2c9ab",
        lastTransition: 0)
    ])

  @Test("members are only counted, so there are no rows for them")
  func members() {
    var resting = status
    (resting.state, resting.upgradeInfo, resting.conditions) = (.configured, nil, [])
    let file = ClusterFile(namespace: "prod", name: "a", status: resting, verdict: .accepted, phase: .done)
    #expect(lines(file) == ["prod/a   configured   spark-1.1.0   commit 4f2c9ab", "  worker   2 members"])
    #expect(file.object.json["status"]?["roles"]?.array?.first?["members"] == nil)
  }

  @Test("a stall is shown in addition to the change that waits behind it")
  func stallBehindWaiting() throws {
    let file = ClusterFile(
      namespace: "prod", name: "a", status: status, verdict: .waiting, phase: .waiting,
      message: "an upgrade runs; revert 4f2c9ab first")
    let read = try #require(
      ClusterFile(path: "prod/a.yaml", SettingsFile(path: "a", bytes: file.bytes).json ?? .null))
    #expect(read == file)
    #expect(
      lines(read) == [
        "prod/a   ✗ stalled   spark-1.0.0 → spark-1.1.0   commit 4f2c9ab", "  a-worker-1: ErrImagePull",
        "  to return to spark-1.0.0, revert commit 4f2c9ab", "  waiting: an upgrade runs",
        "  revert 4f2c9ab first", "  worker   2 members",
      ])
  }

  @Test("the history is included: ended runs always, a running one only if it stalls")
  func journal() throws {
    let ended = Journal.Run(
      id: "u0", isRollback: false, from: "a", to: "b", commit: "c", began: 1_800_000_000,
      ended: 1_800_000_009,
      pods: [.init(role: "worker", pod: "a-worker-0", at: 0, replace: 1, isDone: true)])
    var running = ended
    (running.id, running.ended) = ("u1", nil)
    var going = status
    going.journal = Journal(runs: [ended, running])
    let stalled = ClusterFile(namespace: "prod", name: "a", status: going)
    let read = ClusterFile(path: "prod/a.yaml", SettingsFile(path: "a", bytes: stalled.bytes).json ?? .null)
    #expect(read?.journal == going.journal)
    #expect(Journal(read?.object.json["status"]?["journal"]) == going.journal)
    going.conditions = []
    #expect(ClusterFile(namespace: "prod", name: "a", status: going).journal.runs == [ended])
  }

  @Test("a suspended cluster says how to resume it: by command, or in git if git suspends it")
  func suspended() {
    var object = Object(
      .clusters, namespace: "prod", name: "a",
      annotations: ["kdops.dev/suspend": "true", "kdops.dev/path": "clusters/a.yaml"])
    object.json["status"] = status.json
    #expect(StatusText().detail(object).contains("  suspended; to resume: kdops resume prod/a"))
    // The command with the flag by which the cluster was selected.
    #expect(
      StatusText(flags: " --embedded=d").detail(object).contains(
        "  suspended; to resume: kdops resume prod/a --embedded=d"))
    object.json["metadata"]?["annotations"]?["kdops.dev/carried"] = "a:kdops.dev/suspend"
    #expect(
      StatusText().detail(object).contains(
        "  suspended; to resume: remove kdops.dev/suspend from clusters/a.yaml"))
    #expect(StatusText().list([object]).first?.contains("suspended") == true)
  }
}
