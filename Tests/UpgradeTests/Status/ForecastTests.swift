import KubeDirector
import Testing

@testable import Upgrade

@Suite("The forecast of a change")
struct ForecastTests {
  /// Three roles. One has the same image in both versions.
  private static let roles: [Stage.Role] = [
    .init(
      id: "controller", events: ["configure", "role_upgraded", "cluster_upgraded", "addnodes", "delnodes"]),
    .init(id: "worker", members: 3, hasStorage: true), .init(id: "gateway", hasPackage: false),
  ]
  private static let stage = Stage(
    roles, versions: ["1.0": [:], "1.1": ["controller": "1.1", "worker": "1.1"]])

  private static func apps(_ annotations: [String: String] = [:]) -> [App] {
    stage.apps.map { name, spec in
      App(metadata: Metadata(name: name, namespace: "default", annotations: annotations), spec: spec)
    }
  }

  private static func cluster(
    _ app: String, workers: Int = 3, _ annotations: [String: String] = [:]
  ) -> Cluster {
    var stage = Self.stage
    stage.commit(members: workers, of: "worker")
    stage.commit(app: app)
    stage.cluster.metadata.annotations = annotations
    return stage.cluster
  }

  private static func upgrade(
    _ annotations: [String: String] = [:], app: [String: String] = [:]
  ) -> Forecast {
    Forecast.change(
      from: cluster("app-1.0", annotations), to: cluster("app-1.1", annotations), apps: apps(app))
  }

  private func replaced(_ forecast: Forecast) -> [String: [Int]] {
    Dictionary(
      forecast.roles.filter { !$0.replaced.isEmpty }.map { ($0.id, $0.replaced) },
      uniquingKeysWith: { one, _ in one })
  }

  @Test(
    "upgrades from the last ordinal to the first, roles in parallel, and skips an unchanged image"
  )
  func upgrade() {
    let forecast = Self.upgrade()
    #expect(replaced(forecast) == ["controller": [0], "worker": [2, 1, 0]])
    #expect(forecast.stages.map(Set.init) == [["controller", "worker"]])
    #expect(forecast.obstacle == nil)
    #expect(forecast.pointOfNoReturn == nil)
    #expect(forecast.roles.map(\.imageAfter) == ["controller:1.1", "worker:1.1", "gateway:1.0"])
  }

  @Test("runs --pod_upgraded in every replaced pod, and other events only if the app lists them")
  func hooks() {
    let forecast = Self.upgrade()
    #expect(forecast.count(of: .podUpgraded) == 4)
    #expect(forecast.count(of: .roleUpgraded) == 1)
    #expect(forecast.count(of: .clusterUpgraded) == 1)
    #expect(forecast.count(of: .configure) == 0)
  }

  @Test("puts roles with an upgrade order in stages")
  func order() {
    let forecast = Self.upgrade([Wire.Annotation.roleOrder: "worker,controller"])
    #expect(forecast.stages == [["worker"], ["controller"]])
  }

  @Test("puts roles in sequence with a budget of one pod")
  func budget() {
    let forecast = Self.upgrade([Wire.Annotation.maxUnavailable: "1"])
    #expect(forecast.maxUnavailable == 1)
    #expect(forecast.stages.count == 2)
    #expect(replaced(forecast)["worker"] == [2, 1, 0])
  }

  @Test("puts the point of no return at the first pod of the roles that the app names")
  func noReturn() {
    let forecast = Self.upgrade(
      [Wire.Annotation.roleOrder: "controller,worker"], app: [Wire.Annotation.pointOfNoReturn: "worker"])
    #expect(forecast.pointOfNoReturn == Forecast.Pod(role: "worker", ordinal: 2))
  }

  @Test("rolls back the pods that are done or in progress")
  func rollback() {
    let forecast = Forecast.rollback(
      of: Self.cluster("app-1.1"), to: Self.cluster("app-1.0"), apps: Self.apps(),
      after: .done(["worker": 1, "controller": 0]))
    #expect(replaced(forecast)["worker"]?.sorted() == [1, 2])
    #expect(forecast.count(of: .podReverted) == 3)
    #expect(forecast.count(of: .podUpgraded) == 0)
    #expect(forecast.obstacle == nil)
  }

  @Test(
    "rolls back every pod that could be affected if the progress of the upgrade is unknown")
  func rollbackOfUnknown() {
    let forecast = Forecast.rollback(
      of: Self.cluster("app-1.1"), to: Self.cluster("app-1.0"), apps: Self.apps(), after: .unknown)
    #expect(replaced(forecast).mapValues { $0.sorted() } == ["controller": [0], "worker": [0, 1, 2]])
    #expect(forecast.count(of: .podReverted) == 4)
  }

  @Test("covers a rollback only up to the point of no return")
  func rollbackBeforeNoReturn() {
    let forecast = Forecast.rollback(
      of: Self.cluster("app-1.1", [Wire.Annotation.roleOrder: "controller,worker"]),
      to: Self.cluster("app-1.0", [Wire.Annotation.roleOrder: "controller,worker"]),
      apps: Self.apps([Wire.Annotation.pointOfNoReturn: "worker"]), after: .unknown)
    #expect(forecast.obstacle == nil)
    #expect(replaced(forecast)["controller"] == [0])
  }

  @Test("configures new members, notifies subscribed members, and replaces no pod")
  func growing() {
    let forecast = Forecast.change(
      from: Self.cluster("app-1.0"), to: Self.cluster("app-1.0", workers: 5), apps: Self.apps())
    let worker = forecast.roles.first { $0.id == "worker" }
    #expect((worker?.membersBefore, worker?.membersAfter) == (3, 5))
    #expect(forecast.replaced == 0)
    #expect(forecast.count(of: .configure) == 2)
    // One controller and the three existing workers.
    #expect(forecast.count(of: .addNodes) == 4)
    #expect(forecast.scripts.first { $0.event == .addNodes }?.about == "worker")
  }

  @Test("notifies the remaining members of the leaving ones")
  func shrinking() {
    let forecast = Forecast.change(
      from: Self.cluster("app-1.0"), to: Self.cluster("app-1.0", workers: 1), apps: Self.apps())
    #expect(forecast.count(of: .deleteNodes) == 2)
    #expect(forecast.obstacle == nil)
  }

  @Test("configures every member of a new cluster, and replaces none")
  func creation() {
    let forecast = Forecast.change(from: nil, to: Self.cluster("app-1.0"), apps: Self.apps())
    #expect(forecast.roles.map(\.membersAfter) == [1, 3, 1])
    #expect(forecast.count(of: .configure) == 4)
    #expect(forecast.replaced == 0)
  }

  @Test("notifies members of a new connection with --reconnect")
  func connecting() {
    var connected = Self.cluster("app-1.0")
    connected.spec.connections.secrets = ["keys"]
    let forecast = Forecast.change(from: Self.cluster("app-1.0"), to: connected, apps: Self.apps())
    #expect(forecast.count(of: .reconnect) == 4)
    #expect(forecast.replaced == 0)
  }

  @Test("reports an unknown app as an obstacle without crashing")
  func missing() {
    let forecast = Forecast.change(
      from: Self.cluster("app-1.0"), to: Self.cluster("app-9"), apps: Self.apps())
    #expect(forecast.obstacle?.contains("app-9") == true)
    #expect(forecast.replaced == 0)
  }

  @Test("agrees with the actual behaviour of the engine for many clusters", arguments: 1...40)
  func agrees(seed: Int) {
    var chance = Chance(seed: UInt64(seed))
    let roles = (0..<1 + chance.below(4)).map { index in
      Stage.Role(
        id: "r\(index)", members: chance.below(5), hasPackage: chance.below(4) > 0,
        hasStorage: chance.below(2) == 1)
    }
    let tags = Dictionary(
      roles.filter { _ in chance.below(3) > 0 }.map { ($0.id, "1.1") }, uniquingKeysWith: { one, _ in one })
    var stage = Stage(roles, versions: ["1.0": [:], "1.1": tags])
    if chance.below(2) == 1 { stage.annotate(Wire.Annotation.maxUnavailable, "\(1 + chance.below(3))") }
    if chance.below(2) == 1 { stage.annotate(Wire.Annotation.roleOrder, "r1,r0") }
    stage.settle()
    let old = stage.cluster
    stage.commit(app: "app-1.1")
    let transcript = stage.record { $0.settle() }
    var real: [String: [Int]] = [:]
    for line in transcript.split(separator: "\n") where line.hasPrefix("claim ") {
      let pod = line.split(separator: " ")[1].split(separator: "-")
      real[String(pod[0]), default: []].append(Int(pod[1]) ?? -1)
    }
    let apps = stage.apps.map { App(metadata: Metadata(name: $0, namespace: "default"), spec: $1) }
    let forecast = Forecast.change(from: old, to: stage.cluster, apps: apps)
    #expect(replaced(forecast) == real, "seed \(seed)")
    #expect(forecast.obstacle == nil)
  }
}
