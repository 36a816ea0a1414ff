import ClusterAPI
import FoundationEssentials
import Glibc
import KubeDirector
import Logging
import TestSupport
import Values

@testable import EmbeddedCluster

/// An embedded cluster in a temporary folder, with a clock that a test advances.
struct ClusterFixture: Sendable {
  let directory: String
  let clock: TestClock
  let cluster: EmbeddedCluster

  static let start = Duration.seconds(1_700_000_000)

  /// Opens a cluster, runs it while the body runs, and removes its folder.
  static func with(
    images: [ImageCatalog.Entry] = [.init(image: "*")], sandbox: SandboxMode = .noScripts,
    options: EmbeddedCluster.Options = .init(), runs: Bool = true,
    _ body: @escaping @Sendable (ClusterFixture) async throws -> Void
  ) async throws {
    let directory = temporaryFolder()
    defer { remove(directory) }
    try await reopened(directory, images: images, sandbox: sandbox, options: options, runs: runs, body)
  }

  /// Opens a cluster in an existing folder, and runs it while the body runs.
  static func reopened(
    _ directory: String, images: [ImageCatalog.Entry] = [.init(image: "*")],
    sandbox: SandboxMode = .noScripts,
    options: EmbeddedCluster.Options = .init(), runs: Bool = true,
    _ body: @escaping @Sendable (ClusterFixture) async throws -> Void
  ) async throws {
    let clock = TestClock()
    let cluster = try await EmbeddedCluster.open(
      directory: directory, sandbox: sandbox, catalog: ImageCatalog(images),
      time: ClusterTime(clock, startingAt: start),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      options: options)
    let fixture = ClusterFixture(directory: directory, clock: clock, cluster: cluster)
    guard runs else {
      try await body(fixture)
      return await cluster.worker.files.trash.settle()
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await cluster.run() }
      while await !cluster.isRunning { await Task.yield() }
      await cluster.settle()
      try await body(fixture)
      group.cancelAll()
      try await group.waitForAll()
    }
    await cluster.worker.files.trash.settle()
  }

  static func temporaryFolder() -> String {
    var template = Array("/tmp/kdops-embedded-XXXXXX".utf8CString)
    return template.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.flatMap { mkdtemp($0) }.map { String(cString: $0) } ?? "/tmp/kdops-embedded"
    }
  }

  static func remove(_ directory: String) { try? FileManager.default.removeItem(atPath: directory) }

  /// The state on disk that a daemon leaves when it is killed at this moment.
  func asKilled() throws -> String {
    let copy = Self.temporaryFolder()
    for name in try SafeFolder.names(in: directory) where name.hasPrefix("cluster.sqlite") {
      try FileManager.default.copyItem(atPath: "\(directory)/\(name)", toPath: "\(copy)/\(name)")
    }
    return copy
  }

  /// Starts a script in a pod as an earlier daemon did that is dead by now.
  /// - Returns: The command's folder.
  @discardableResult
  func startOrphan(_ script: String, record: CommandRecord? = nil) async throws -> String {
    let target = try await cluster.target(Self.name("web-0"), ExecRequest(command: ["true"]))
    let (folders, root) = (cluster.worker.files.folders, cluster.worker.files.folders.root(of: target.spec))
    let request = try folders.sandbox(
      ["sh", "-c", script], in: target.container, of: target.spec, root: root)
    let place = "\(folders.run(target.rootID).path)/orphan"
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    try ScriptRunner.write(stdin: [], to: place)
    try record?.write(to: place)
    let arguments = ScriptRunner.arguments(
      cluster.worker.runner.sandbox, request, place: place, outputLimit: 10)
    guard Machine.run(["setsid", "-f", "sh"] + arguments) == 0 else {
      throw FileError("the command in \(place) could not be started")
    }
    return place
  }

  // MARK: Objects

  static func name(_ name: String) -> ObjectName { ObjectName(namespace: "default", name: name) }

  static func set(
    _ name: String, replicas: Int = 3, image: String = "registry.example/app:1", policy: String = "Parallel",
    partition: Int = 0, container: JSON = [:], extra: JSON = [:], spec: JSON = [:]
  ) -> Object {
    var app: JSON = ["name": "app", "image": .string(image)]
    app = app.merging(patch: container)
    let pod: JSON = ["containers": [app]]
    let labels: JSON = ["app": .string(name)]
    let content: JSON = [
      "replicas": JSON(replicas), "podManagementPolicy": .string(policy), "serviceName": "svc",
      "selector": ["matchLabels": labels],
      "updateStrategy": ["type": "RollingUpdate", "rollingUpdate": ["partition": JSON(partition)]],
      "template": ["metadata": ["labels": labels], "spec": pod.merging(patch: extra)],
    ]
    return Object(
      .statefulSets, namespace: "default", name: name, content: ["spec": content.merging(patch: spec)])
  }

  static func image(_ image: String) -> JSON {
    ["spec": ["template": ["spec": ["containers": [["name": "app", "image": .string(image)]]]]]]
  }

  func pod(_ name: String) async throws -> Object { try await cluster.get(.pods, Self.name(name)) }
  func set(_ name: String) async throws -> Object { try await cluster.get(.statefulSets, Self.name(name)) }

  @discardableResult
  func patch(_ set: String, _ merge: JSON) async throws -> Object {
    try await cluster.patch(.statefulSets, Self.name(set), merge: merge)
  }

  /// `name image ready` of each pod, in the order of their names.
  func pods() async throws -> [String] {
    try await cluster.list(.pods, namespace: "default", labels: .everything).items.map {
      "\($0.name) \($0.image) \($0.isReady ? "ready" : $0.waitingReason ?? "not ready")"
    }
  }
}

extension Object {
  var image: String {
    let reference = json["spec"]?["containers"]?[0]?["image"]?.string ?? ""
    return reference.split(separator: "/").last.map(String.init) ?? ""
  }

  var app: JSON? { json["status"]?["containerStatuses"]?[0] }
  var waitingReason: String? { app?["state"]?["waiting"]?["reason"]?.string }
  var containerID: String? { app?["containerID"]?.string }

  func condition(_ type: String) -> JSON? {
    json["status"]?["conditions"]?.array?.first { $0["type"]?.string == type }
  }

  var isReady: Bool { condition("Ready")?["status"]?.string == "True" }
}
