import ClusterAPI
import EmbeddedCluster
import Foundation
import KubeDirector
import TestSupport
import Testing

/// A forge, a member of the team, and a daemon that follows them; everything is looked at from outside.
final class Scene: Sendable {
  let forge: Forge
  let folder: TemporaryFolder
  private let running = Running()

  private actor Running {
    var daemon: DaemonProcess?
    func set(_ daemon: DaemonProcess?) { self.daemon = daemon }
  }

  init(_ files: [String: String?]) throws {
    forge = try Forge(files)
    folder = try TemporaryFolder()
  }

  /// Where the embedded cluster is.
  var directory: String { folder.path + "/cluster" }
  var logPath: String { folder.path + "/log" }
  var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

  /// The lines of the log that tell of an event.
  func logged(_ event: String) -> [Substring] {
    log.split(separator: "\n").filter { line in
      line.split(whereSeparator: { " =".contains($0) }).contains { $0 == event }
    }
  }

  // MARK: The daemon

  @discardableResult
  func start(_ more: [String] = [], environment: [String: String] = [:]) async throws -> DaemonProcess {
    let arguments = ["run", "--repo", forge.bare.path, "--embedded", directory, "--interval", "300ms"]
    let daemon = try DaemonProcess(arguments + more, log: logPath, environment: environment)
    await running.set(daemon)
    return daemon
  }

  func kill() async throws {
    try await running.daemon?.kill()
    await running.set(nil)
  }

  func daemon() async throws -> DaemonProcess {
    try #require(await running.daemon)
  }

  /// Ends a wait for something that a daemon is to do where there is none any more.
  private func beAlive() async throws {
    if let daemon = await running.daemon, !daemon.isRunning {
      throw TooLate(description: "the daemon has ended")
    }
  }

  // MARK: What is to be seen

  func cluster(_ name: String = "shop") async throws -> Object? {
    try await read(.clusters, name)
  }

  func status(_ name: String = "shop") async throws -> ClusterStatus? {
    try await cluster(name).flatMap { ClusterStatus($0.json["status"]) }
  }

  func app(_ version: String) async throws -> Object? { try await read(.apps, "web-\(version)") }

  /// The pods of a cluster by their name.
  func pods(_ cluster: String = "shop") async throws -> [String: PodSight] {
    let pods = try await reader().list(.pods, namespace: "default", labels: [Wire.Label.cluster: cluster])
    return Dictionary(uniqueKeysWithValues: pods.items.map { ($0.name, PodSight($0)) })
  }

  private func reader() throws -> EmbeddedReader { try EmbeddedCluster.openReadOnly(directory) }

  private func read(_ resource: Resource, _ name: String) async throws -> Object? {
    // The daemon may not have made its tables yet.
    guard let reader = try? reader() else { return nil }
    do throws(APIError) {
      return try await reader.get(resource, ObjectName(namespace: "default", name: name))
    } catch {
      if error.kind == .notFound { return nil }
      throw error
    }
  }

  // MARK: Waiting

  /// Waits until a note says something of a commit.
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

  /// Waits until a cluster is at rest with a version.
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

/// A pod as somebody at the cluster sees it.
struct PodSight: Sendable, Hashable {
  var uid: String
  var containerID: String?
  var image: String?

  init(_ pod: Object) {
    uid = pod.uid
    containerID = pod.json["status"]?["containerStatuses"]?.array?.first?["containerID"]?.string
    image = pod.json["spec"]?["containers"]?.array?.first?["image"]?.string
  }
}

/// Runs a scenario, with no more of them side by side than the machine bears. Where it fails, what the daemon said
/// is part of the failure.
func scenario(
  _ files: [String: String?], start: Bool = true, _ body: (Scene) async throws -> Void
) async throws {
  await Places.shared.take()
  do {
    let scene = try Scene(files)
    do {
      if start { try await scene.start() }
      try await body(scene)
    } catch {
      let log = scene.log.split(separator: "\n").suffix(60).joined(separator: "\n")
      let status = (try? await scene.cluster())?.json["status"]?.text() ?? "none"
      let notes = (try? scene.forge.user.git("rev-list", "main").split(separator: "\n").prefix(4)) ?? []
      let said = notes.map { "\($0.prefix(7)): \(scene.forge.note(String($0))?.text ?? "no note")" }
      Issue.record(
        "\(error)\n--- notes\n\(said.joined(separator: "\n"))\n--- status of shop\n\(status)\n--- log\n\(log)"
      )
    }
    try await scene.kill()
  } catch {
    await Places.shared.giveBack()
    throw error
  }
  await Places.shared.giveBack()
}
