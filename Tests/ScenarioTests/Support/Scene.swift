import ClusterAPI
import Foundation
import KubeDirector
import TestSupport
import Testing

/// A repository, a member of the team, and a daemon that follows the repository; the tests observe them from
/// outside.
final class Scene: Sendable {
  let fixture: Fixture
  let forge: Forge
  let site: any Site
  let folder: TemporaryFolder
  private let daemons = Daemons()

  /// The running daemons, by name.
  private actor Daemons {
    private(set) var all: [String: DaemonProcess] = [:]
    subscript(name: String) -> DaemonProcess? { all[name] }
    func set(_ daemon: DaemonProcess?, _ name: String) { all[name] = daemon }
  }

  /// The name of the daemon in scenarios with one daemon.
  static let daemon = "daemon"

  init(_ fixture: Fixture, _ files: [String: String?], on site: any Site, in folder: TemporaryFolder) throws {
    self.fixture = fixture
    self.site = site
    self.folder = folder
    forge = try Forge(files, installation: site.installation)
  }

  // MARK: The daemon

  @discardableResult
  func start(_ more: [String] = [], as name: String = daemon, environment: [String: String] = [:])
    async throws
    -> DaemonProcess
  {
    let arguments = ["run", "--repo", forge.bare.path, "--interval", "300ms"] + site.arguments(for: name)
    let daemon = try DaemonProcess(
      arguments + more, log: logPath(name), environment: environment, isBare: site.runsDaemonsBare)
    await daemons.set(daemon, name)
    return daemon
  }

  func kill(_ name: String = daemon) async throws {
    try await daemons[name]?.kill()
    await daemons.set(nil, name)
  }

  func killAll() async throws {
    for name in await daemons.all.keys { try await kill(name) }
  }

  func daemon(_ name: String = daemon) async throws -> DaemonProcess {
    try #require(await daemons[name])
  }

  /// Ends a wait for a daemon's action if the daemon has ended.
  private func beAlive() async throws {
    let all = await daemons.all.values
    if !all.isEmpty, all.allSatisfy({ !$0.isRunning }) {
      throw TooLate(description: "the daemon has ended")
    }
  }

  private func logPath(_ name: String) -> String { "\(folder.path)/log-\(name)" }

  func log(_ name: String = daemon) -> String {
    (try? String(contentsOfFile: logPath(name), encoding: .utf8)) ?? ""
  }

  /// The log lines of all daemons.
  var logs: [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasPrefix("log-") }.sorted().map { log(String($0.dropFirst("log-".count))) }
  }

  /// The lines of the log about an event.
  func logged(_ event: String, by name: String = daemon) -> [Substring] {
    log(name).split(separator: "\n").filter { line in
      line.split(whereSeparator: { " =".contains($0) }).contains { $0 == event }
    }
  }

  /// Runs `kdops` on the scenario's cluster.
  ///
  /// - Returns: its output.
  func kdops(_ arguments: String...) async throws -> String { try await kdops(arguments) }

  private func kdops(_ arguments: [String]) async throws -> String {
    let program = try #require(DaemonProcess.program)
    return try await Tool.run([program] + arguments + site.commandArguments)
  }

  /// Approves a head.
  func sync(accepting commit: String) async throws {
    let place = (site as? KubernetesSite).map {
      ["--installation", $0.installation, "--system-namespace", $0.settings.namespace]
    }
    _ = try await kdops(["sync", "--accept", commit] + (place ?? []))
  }

  /// Lets another client write. Only one process may write an embedded cluster, so there the daemon is
  /// stopped in the meantime.
  func written(_ body: (any ClusterAPI) async throws -> Void) async throws {
    guard site is EmbeddedSite, await daemons[Self.daemon] != nil else {
      return try await site.withWriter(body)
    }
    try await kill()
    try await site.withWriter(body)
    try await start()
  }

  // MARK: Observations

  func cluster(_ name: String = "shop") async throws -> Object? {
    try await read(.clusters, name)
  }

  func status(_ name: String = "shop") async throws -> ClusterStatus? {
    try await cluster(name).flatMap { ClusterStatus($0.json["status"]) }
  }

  func app(_ version: String) async throws -> Object? { try await read(.apps, "web-\(version)") }

  /// The pods of a cluster by their name.
  func pods(_ cluster: String = "shop") async throws -> [String: PodSight] {
    let pods = try await list(.pods, [Wire.Label.cluster: cluster])
    return Dictionary(uniqueKeysWithValues: pods.map { ($0.name, PodSight($0)) })
  }

  /// The events that `kubectl describe` shows for a cluster.
  func announcements(_ reason: String, about cluster: String = "shop") async throws -> [String] {
    try await list(.events, .everything).filter {
      $0.json["reason"]?.string == reason && $0.json["involvedObject"]?["name"]?.string == cluster
    }.compactMap { $0.json["message"]?.string }
  }

  /// The sorted names of all objects of a kind that belong to a cluster.
  func names(_ resource: Resource, of cluster: String = "shop") async throws -> [String] {
    try await list(resource, [Wire.Label.cluster: cluster]).map(\.name).sorted()
  }

  func name(_ object: String) -> ObjectName { ObjectName(namespace: fixture.namespace, name: object) }

  func list(_ resource: Resource, _ labels: LabelSelector) async throws -> [Object] {
    try await #require(site.api()).list(resource, namespace: fixture.namespace, labels: labels).items
  }

  func read(_ resource: Resource, _ object: String) async throws -> Object? {
    guard let api = site.api() else { return nil }
    do throws(APIError) {
      return try await api.get(resource, name(object))
    } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
  }

  // MARK: Waiting

  /// Waits until a commit has a note that meets the condition.
  @discardableResult
  func note(_ commit: String, _ what: String, where holds: (Note) -> Bool) async throws -> Note {
    try await eventually("note on \(commit.prefix(7)) that is \(what)") {
      try await beAlive()
      return forge.note(commit).flatMap { holds($0) ? $0 : nil }
    }
  }

  @discardableResult
  func note(_ commit: String, phase: String) async throws -> Note {
    try await note(commit, phase) { $0.phase == phase }
  }

  /// Waits until a cluster is configured with a version.
  @discardableResult
  func configured(_ version: String, _ name: String = "shop") async throws -> ClusterStatus {
    try await eventually("cluster \(name) configured with web-\(version)") {
      try await beAlive()
      let status = try await status(name)
      return status?.state == .configured && status?.app == "web-\(version)" && status?.upgradeInfo == nil
        ? status : nil
    }
  }
}

/// A pod as a client of the cluster sees it.
struct PodSight: Sendable, Hashable {
  var uid: String
  var containerID: String?
  var image: String?
  var isReady: Bool

  init(_ pod: Object) {
    uid = pod.uid
    let container = pod.json["status"]?["containerStatuses"]?.array?.first
    // A container that has ended keeps its id.
    containerID = container?["state"]?["running"] == nil ? nil : container?["containerID"]?.string
    image = pod.json["spec"]?["containers"]?.array?.first?["image"]?.string
    isReady = containerID != nil && container?["ready"]?.bool == true && !pod.isBeingDeleted
  }
}
