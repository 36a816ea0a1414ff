import Diagnostics
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Views

@Suite("Progress on a terminal")
struct ProgressTextTests {
  private static let id = "4f2c9ab00000-2"
  private static let commit = "4f2c9ab0c1d2e3f405162738495a6b7c8d9e0f10"

  private static func members(_ name: String, _ count: Int, app: String) -> [MemberStatus] {
    (0..<count).map { MemberStatus(pod: "\(name)-\($0)", nodeID: $0, state: .configured, app: app) }
  }

  private static func done(_ member: inout MemberStatus, app: String, script: LifecycleEvent? = .podUpgraded)
  {
    member.app = app
    member.podUpgradeStatus = .configured
    member.upgrade = .init(id: id, revision: "r2", script: script, exitCode: 0, done: true, since: 80)
  }

  private static func claimed(_ member: inout MemberStatus, _ step: MemberStatus.PodUpgradeStatus, since: Int)
  {
    member.podUpgradeStatus = step
    member.state = .creating
    member.upgrade = .init(id: id, revision: "r2", since: since)
  }

  private static let analytics: ClusterStatus = {
    var controller = members("analytics-controller", 1, app: "spark-1.0.0")
    done(&controller[0], app: "spark-1.1.0")
    var worker = members("analytics-worker", 5, app: "spark-1.0.0")
    done(&worker[4], app: "spark-1.1.0")
    done(&worker[3], app: "spark-1.1.0")
    claimed(&worker[2], .upgrading, since: 129)
    return ClusterStatus(
      state: .updating, app: "spark-1.1.0",
      upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: "spark-1.0.0", id: id, startedAt: 100),
      specCommit: commit,
      roles: [
        RoleStatus(id: "controller", statefulSet: "", upgradeStatus: .upgraded, members: controller),
        RoleStatus(id: "worker", statefulSet: "", upgradeStatus: .upgrading, members: worker),
        RoleStatus(
          id: "gateway", statefulSet: "", members: members("analytics-gateway", 1, app: "spark-1.0.0")),
      ])
  }()

  private static let ledger: ClusterStatus = {
    var broker = members("ledger-broker", 3, app: "kafka-3.7.0")
    claimed(&broker[2], .upgrading, since: 105)
    broker[2].detail.waitingReason = "ErrImagePull"
    broker[2].detail.waitingMessage = "registry.example/kafka:3.7.l (not found)"
    return ClusterStatus(
      state: .updating, app: "kafka-3.7.1",
      upgradeInfo: UpgradeInfo(isRollingBack: false, prevApp: "kafka-3.7.0", id: id, startedAt: 100),
      specCommit: commit,
      roles: [RoleStatus(id: "broker", statefulSet: "", upgradeStatus: .upgrading, members: broker)],
      conditions: [
        Condition(
          type: .stalled, status: true, reason: "ErrImagePull",
          message: "ledger-broker-2: ErrImagePull; to return to kafka-3.7.0, revert commit 4f2c9ab",
          lastTransition: 110)
      ])
  }()

  private static let rollback: ClusterStatus = {
    var status = analytics
    status.app = "spark-1.0.0"
    status.upgradeInfo = UpgradeInfo(isRollingBack: true, prevApp: "spark-1.1.0", id: id, startedAt: 130)
    status.roles[0].upgradeStatus = .rollingBack
    status.roles[1].upgradeStatus = .rollingBack
    done(&status.roles[1].members[2], app: "spark-1.0.0", script: .podReverted)
    claimed(&status.roles[1].members[4], .rollingBack, since: 140)
    return status
  }()

  private static let configured = ClusterStatus(
    state: .configured, app: "spark-1.0.0",
    roles: [RoleStatus(id: "worker", statefulSet: "", members: members("w", 2, app: "spark-1.0.0"))])

  private static let creating: ClusterStatus = {
    var seed = members("profiles-seed", 1, app: "cassandra-4.1.4")
    seed[0].state = .creating
    var node = members("profiles-node", 3, app: "cassandra-4.1.4")
    node[2].state = .createPending
    return ClusterStatus(
      state: .creating, app: "cassandra-4.1.4", specCommit: commit,
      roles: [
        RoleStatus(id: "seed", statefulSet: "", members: seed),
        RoleStatus(id: "node", statefulSet: "", members: node),
      ])
  }()

  private static let fleet = [
    ClusterView(name: "prod/analytics", status: analytics, subject: "Upgrade analytics"),
    ClusterView(
      name: "prod/ledger", status: ledger, subject: "Upgrade analytics",
      path: "clusters/prod/ledger.yaml"),
    ClusterView(name: "prod/profiles", status: creating, subject: "Add profiles"),
    ClusterView(name: "staging/analytics", status: rollback, subject: "Revert \"Upgrade analytics\""),
    ClusterView(name: "staging/ledger", status: configured),
    ClusterView(name: "staging/new", status: nil),
  ]

  private func draw(_ clusters: [ClusterView] = Self.fleet, _ text: ProgressText = ProgressText()) -> String {
    text.lines(clusters, now: 141).map { $0 + "\n" }.joined()
  }

  @Test("each role has a line and each pod a cell; stalls come first, remediation last")
  func fleet() throws {
    let text = draw(Self.fleet, ProgressText(width: 130))
    #expect(try text == Golden.stored("fleet.txt", recording: text))
  }

  @Test("colours only add to the text, and no meaning depends on them")
  func coloured() throws {
    let text = draw(Self.fleet, ProgressText(width: 130, isColoured: true))
    #expect(try text == Golden.stored("fleet-coloured.txt", recording: text))
    var plain = ""
    var rest = text[...]
    while let escape = rest.firstIndex(of: "\u{1B}") {
      plain += rest[..<escape]
      rest = rest[escape...].drop { $0 != "m" }.dropFirst()
    }
    #expect(plain + rest == draw(Self.fleet, ProgressText(width: 130)))
  }

  @Test("on a narrow terminal no line is wider, and the remediation can still be copied")
  func narrow() throws {
    let text = draw(Self.fleet, ProgressText(width: 60))
    #expect(try text == Golden.stored("fleet-narrow.txt", recording: text))
    for line in text.split(separator: "\n") { #expect(StyledLine.width(of: String(line)) <= 60) }
  }

  @Test("three hundred clusters take at most the terminal's lines, and omitted ones are counted")
  func many() throws {
    var clusters = (0..<300).map { ClusterView(name: "prod/c\($0)", status: Self.configured) }
    let resting = draw(clusters)
    #expect(resting.hasPrefix("300 clusters configured: prod/c0, prod/c1, prod/c10, "))
    #expect(resting.hasSuffix("…\n"))
    #expect(StyledLine.width(of: resting) == 101, "one line of 100 cells")
    for index in 0..<50 { clusters[index] = ClusterView(name: "prod/c\(index)", status: Self.analytics) }
    clusters[7] = ClusterView(name: "prod/c7", status: Self.ledger)
    let lines = ProgressText(width: 100, height: 12).lines(clusters, now: 141)
    #expect(lines.count <= 12)
    #expect(lines.first?.hasPrefix("prod/c7") == true)
    #expect(lines.dropLast().last == "… and 47 more: 47 upgrading")
    #expect(lines.last?.hasPrefix("250 clusters configured: prod/c100, ") == true)
  }

  @Test("a role of very many members shows runs of equal cells as counts")
  func wide() {
    var status = Self.analytics
    status.roles[1].members = Self.members("analytics-worker", 40, app: "spark-1.0.0")
    for index in 20..<40 { Self.done(&status.roles[1].members[index], app: "spark-1.1.0") }
    Self.claimed(&status.roles[1].members[19], .upgrading, since: 140)
    #expect(draw([ClusterView(name: "prod/a", status: status)]).contains("●×20 ◐ ○×19"))
  }

  @Test("a single requested cluster is drawn even if it is configured, and shows what its roles wait for")
  func one() throws {
    var waiting = Self.analytics
    waiting.roles[1].members = Self.members("analytics-worker", 2, app: "spark-1.0.0")
    waiting.conditions = [
      Condition(
        type: .progressing, status: false, reason: "Suspended",
        message: "from spark-1.0.0 to spark-1.1.0; worker waits for role controller", lastTransition: 100)
    ]
    let views = [
      ClusterView(name: "prod/analytics", status: waiting, whole: true),
      ClusterView(name: "staging/ledger", status: Self.configured, whole: true),
      ClusterView(name: "staging/new", status: nil, whole: true),
    ]
    let text = views.flatMap { ProgressText().lines($0, now: 141) }.map { $0 + "\n" }.joined()
    #expect(try text == Golden.stored("one.txt", recording: text))
    #expect(ProgressText(height: 2).lines(views[0], now: 141).count == 2)
  }

  @Test("without clusters nothing is drawn")
  func nothing() {
    #expect(ProgressText().lines([], now: 0).isEmpty)
  }

  @Test("names and reasons from outside cannot control the terminal")
  func hostile() {
    var status = Self.ledger
    status.roles[0].members[2].detail.waitingMessage = "\u{1B}[2J\rgone\n"
    let text = draw([ClusterView(name: "prod/\u{1B}]0;x\u{7}", status: status, subject: "\u{202E}evil")])
    #expect(!text.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x202E })
  }

  @Test("above the clusters are the time, the last fetch and the head; below them is a legend")
  func frame() {
    let frame = FrameText(width: 100)
    let repository = RepositoryView(fetched: 129, head: Self.commit, subject: "Upgrade analytics")
    #expect(
      frame.header(repository, now: 141)
        == ["1970-01-01T00:02:21Z   last fetch 12 s ago   head 4f2c9ab \"Upgrade analytics\""])
    #expect(frame.header(RepositoryView(), now: 141) == ["1970-01-01T00:02:21Z"])
    #expect(
      frame.header(RepositoryView(problem: "the server does not answer"), now: 141).last
        == "  the repository cannot be fetched: the server does not answer")
    #expect(frame.legend == "● done   ◐ in progress   ○ pending   ✗ stuck   – not affected")
    for line in FrameText(width: 30).header(repository, now: 141) + [FrameText(width: 30).legend] {
      #expect(StyledLine.width(of: line) <= 30)
    }
  }

  @Test(
    "durations show hours only if there are any",
    arguments: [(41, "00:41"), (3_599, "59:59"), (3_661, "1:01:01"), (-5, "00:00")])
  func elapsed(_ seconds: Int, _ text: String) {
    #expect(SecondsText.stopwatch(seconds) == text)
  }
}
