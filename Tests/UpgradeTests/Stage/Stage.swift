import KubeDirector
import Upgrade
import Values

/// A small simulation for the cluster machine: one cluster with its StatefulSets, pods and containers, and a
/// daemon that executes the machine's actions. Nothing happens without an explicit event. The simulation is a
/// value that can be copied.
struct Stage {
  /// A role, the same in every version of the app.
  struct Role: Hashable {
    var id: String
    var members = 1
    var hasPackage = true
    var hasStorage = false
    var events: [String]?
    var services: [String] = []
  }

  static let name = "c"
  static let start = 1_800_000_000

  // The actual state.
  var cluster: Cluster
  var isStamped = true
  var clusterVersion = 1
  var status: ClusterStatus?
  var apps: [String: AppSpec]
  var sets: [String: StageSet] = [:]
  var pods: [String: StagePod] = [:]
  var services: Set<String> = []
  var now = Stage.start
  /// The encoding of templates that the current daemon uses.
  var spelling = 0
  /// The number of different encodings.
  static let spellings = 3
  var settings = Observation.Settings(clusterDomain: "test")
  var counter = 0

  // Failures, until they are resolved.
  var badImages: Set<String> = []
  /// Bad images that never become available.
  var missingImages: Set<String> = []
  var slowPods: Set<String> = []
  /// Pods that a quota prevents, pods on a lost node, and pods whose readiness gate stays closed.
  var forbiddenPods: Set<String> = []
  var lostPods: Set<String> = []
  var gatedPods: Set<String> = []
  /// Pods whose container runs and is not ready.
  var unreadyPods: Set<String> = []
  var heldScripts: Set<String> = []
  /// The node reports restarts, which count only after a delay.
  var reportsRestarts = false
  /// Services whose next deletion is refused.
  var refusedServices: Set<String> = []
  var connections: ConnectionsObservation?
  /// The claims of an adopted cluster. Its sets create each with the cluster as an owner.
  var newClaims: [String: ClaimOwnership]?
  var appAnnotations: [String: [String: String]] = [:]
  /// Exit codes other than 0, by pod and event: `worker-2 pod_upgraded`; `worker-2 *` applies once, to the
  /// next command that ends.
  var exitCodes: [String: Int] = [:]

  var daemon = StageDaemon()
  /// A daemon that was stopped in the middle of a step while another one replaced it.
  var stale: StaleDaemon?

  // Records of the run.
  var containers: [String: StageContainer] = [:]
  var transcript: [String] = []
  /// Every written status, while recording.
  var history: [ClusterStatus] = []
  var isRecording = true
  /// Lets the daemon take one step at a time while nothing fails, and observe the result before the next one.
  /// The end is the same with half as many steps, because most of the others find nothing to do.
  var isHasty = false
  var violations: [String] = []
  var statusWrites = 0
  var orders = 0
  var steps = 0
  var observer = StageObserver()
  var roles: [Role]

  /// - Parameter versions: by version, the image tag of each role whose tag is not `1.0`.
  init(_ roles: [Role], versions: KeyValuePairs<String, [String: String]> = ["1.0": [:], "1.1": [:]]) {
    self.roles = roles
    apps = [:]
    for (version, tags) in versions { apps["app-\(version)"] = Self.app(version, roles, tags) }
    cluster = Cluster(
      metadata: Metadata(name: Self.name, namespace: "default", uid: "u", generation: 1),
      spec: Self.spec(roles, app: "app-\(versions.first?.key ?? "1.0")"))
    cluster.metadata.annotations[Wire.Annotation.commit] = "commit1"
  }

  private static func app(_ version: String, _ roles: [Role], _ tags: [String: String]) -> AppSpec {
    let entries = roles.map { role -> JSON in
      var entry: JSON = [
        "id": .string(role.id), "cardinality": "0+",
        "imageRepoTag": .string("\(role.id):\(tags[role.id] ?? "1.0")"),
        "configPackage": .null,
      ]
      if role.hasPackage {
        entry["configPackage"] = ["packageURL": "file:///opt/appconfig.tgz", "useNewSetupLayout": true]
      }
      entry["eventList"] = role.events.map { JSON($0) }
      return entry
    }
    let services = Set(roles.flatMap(\.services)).sorted().map { id -> JSON in
      ["id": .string(id), "label": ["name": .string(id)], "endpoint": ["port": 80]]
    }
    let offers = roles.map { role -> JSON in ["roleID": .string(role.id), "serviceIDs": JSON(role.services)] }
    return AppSpec([
      "label": ["name": "app"], "distroID": "app", "version": .string(version), "upgradable": true,
      "configSchemaVersion": 8, "roles": .array(entries), "services": .array(services),
      "config": ["selectedRoles": JSON(roles.map(\.id)), "roleServices": .array(offers), "configMeta": [:]],
    ])
  }

  private static func spec(_ roles: [Role], app: String) -> ClusterSpec {
    let entries = roles.map { role -> JSON in
      var entry: JSON = [
        "id": .string(role.id), "members": JSON(role.members),
        "resources": ["limits": ["memory": "1Gi", "cpu": "1"]],
      ]
      if role.hasStorage { entry["storage"] = ["size": "1Gi"] }
      return entry
    }
    return ClusterSpec(["app": .string(app), "roles": .array(entries)])
  }

  // MARK: - Commits and edits

  /// A commit that names another app, applied and stamped by the reconciler.
  mutating func commit(app: String) { change { $0.app = app } }

  mutating func commit(members: Int, of role: String) {
    for index in roles.indices where roles[index].id == role { roles[index].members = members }
    changeRoles()
  }

  mutating func commit(withoutRole role: String) {
    roles.removeAll { $0.id == role }
    changeRoles()
  }

  mutating func commit(role: Role) {
    roles.append(role)
    changeRoles()
  }

  /// A commit that names other connections. The connected objects are observed in the given state.
  mutating func commit(
    connections marks: [String: String], unsettled: Set<String> = [], unread: [String] = []
  ) {
    let names = (marks.keys + unread).sorted()
    connect(marks, unsettled: unsettled, unread: unread)
    change { $0.connections.configMaps = names }
  }

  private mutating func changeRoles() {
    let entries = Self.spec(roles, app: "").roles
    change { $0.roles = entries }
  }

  private mutating func change(_ body: (inout ClusterSpec) -> Void) {
    let before = cluster.spec
    body(&cluster.spec)
    guard cluster.spec != before else { return }
    cluster.metadata.generation += 1
    cluster.metadata.annotations[Wire.Annotation.commit] = "commit\(cluster.metadata.generation)"
    clusterVersion += 1
  }

  mutating func annotate(_ key: String, _ value: String?) {
    cluster.metadata.annotations[key] = value
    clusterVersion += 1
  }

  /// Sets the state of the connected objects.
  mutating func connect(_ marks: [String: String], unsettled: Set<String> = [], unread: [String] = []) {
    connections = ConnectionsObservation(marks: marks, unsettled: unsettled, unread: unread)
    clusterVersion += 1
  }

  /// Adds, removes or changes one connected object; adding and removing is a commit.
  mutating func connect(_ name: String, _ mark: String?, isSettled: Bool) {
    var marks = connections?.marks ?? [:]
    var unsettled = connections?.unsettled ?? []
    let isCommit = (marks[name] == nil) != (mark == nil)
    marks[name] = mark
    unsettled.remove(name)
    if mark != nil, !isSettled { unsettled.insert(name) }
    if isCommit {
      commit(connections: marks, unsettled: unsettled)
    } else {
      connect(marks, unsettled: unsettled)
    }
  }

  // MARK: - Running

  /// Lets time pass without events, and then settles.
  mutating func wait(_ seconds: Int) {
    now += seconds
    annotate("looked", "\(now)")
    settle()
  }

  /// Runs everything that can happen, in turn, until nothing changes any more or the condition is reached.
  ///
  /// - Returns: false if it does not settle.
  @discardableResult
  mutating func settle(until isReached: (Stage) -> Bool = { _ in false }) -> Bool {
    settle(rounds: Self.maximumRounds, until: isReached)
  }

  /// Runs everything that can happen, in turn, for at most this number of rounds.
  @discardableResult
  mutating func settle(rounds: Int, until isReached: (Stage) -> Bool = { _ in false }) -> Bool {
    for _ in 0..<rounds {
      var moved = daemonObserves(steps: isHasty ? 1 : Self.stepsAtOnce)
      if isReached(self) { return true }
      let beats: [(inout Stage) -> Bool] =
        sets.keys.sorted().map { role in { $0.syncSet(role) } }
        + pods.keys.sorted().map { pod in { $0.nodeActs(on: pod) } }
        + pods.keys.sorted().map { pod in { $0.commandEnds(in: pod) } }
      for beat in beats {
        guard beat(&self) else { continue }
        moved = true
        now += 1
        if isReached(self) { return true }
      }
      if !moved { return true }
    }
    return false
  }

  private static let maximumRounds = 500

  func pod(_ short: String) -> StagePod? { pods["\(Self.name)-\(short)"] }
  func member(_ short: String) -> MemberStatus? {
    status?.members.first { $0.pod == "\(Self.name)-\(short)" }
  }

  /// Runs `body` and returns the transcript of it.
  mutating func record(_ body: (inout Stage) -> Void) -> String {
    transcript = []
    body(&self)
    return transcript.joined(separator: "\n")
  }

  mutating func write(_ line: @autoclosure () -> String) {
    if isRecording { transcript.append(line()) }
  }

  mutating func violated(_ text: String) {
    violations.append(text)
    write("!! \(text)")
  }

  mutating func fresh() -> Int {
    counter += 1
    return counter
  }

  static func short(_ name: String) -> String { String(name.dropFirst(Self.name.count + 1)) }
}
