import ClusterAPI
import FoundationEssentials
import Glibc
import KubeDirector
import Logging
import TestSupport
import Values

@testable import EmbeddedCluster

/// An embedded cluster in a temporary folder, with a clock that a test advances.
struct World: Sendable {
  let directory: String
  let clock: TestClock
  let cluster: EmbeddedCluster

  static let start = Duration.seconds(1_700_000_000)

  /// Opens a cluster, runs it while the body runs, and removes its folder.
  static func with(
    images: [ImageCatalog.Entry] = [.init(image: "*")], sandbox: SandboxMode = .noScripts,
    options: EmbeddedCluster.Options = .init(), runs: Bool = true,
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    let directory = temporaryFolder()
    defer { remove(directory) }
    try await reopened(directory, images: images, sandbox: sandbox, options: options, runs: runs, body)
  }

  /// The same in an existing folder.
  static func reopened(
    _ directory: String, images: [ImageCatalog.Entry] = [.init(image: "*")],
    sandbox: SandboxMode = .noScripts,
    options: EmbeddedCluster.Options = .init(), runs: Bool = true,
    _ body: @escaping @Sendable (World) async throws -> Void
  ) async throws {
    let clock = TestClock()
    let cluster = try await EmbeddedCluster.open(
      directory: directory, sandbox: sandbox, catalog: ImageCatalog(images),
      time: ClusterTime(clock, startingAt: start),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      options: options)
    let world = World(directory: directory, clock: clock, cluster: cluster)
    guard runs else {
      try await body(world)
      return await cluster.worker.files.trash.settle()
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await cluster.run() }
      while await !cluster.isRunning { await Task.yield() }
      await cluster.settle()
      try await body(world)
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

/// An image's files as a test writes them: contents by path, `-> target` for a symbolic link, `+x` at the
/// start for a program.
struct Files: RootFS {
  var files: [String: String]

  init(_ files: [String: String]) { self.files = files }

  func materialise(into root: RootFolder) throws {
    for (path, content) in files {
      if content.hasPrefix("-> ") {
        try root.link(Array(path.utf8), to: String(content.dropFirst(3)))
      } else {
        let isProgram = content.hasPrefix("+x")
        try root.write(
          Array((isProgram ? String(content.dropFirst(2)) : content).utf8), to: Array(path.utf8),
          isExecutable: isProgram)
      }
    }
  }
}

enum Machine {
  static let hasBubblewrap = access("/usr/bin/bwrap", X_OK) == 0

  /// Runs a short program. Processes that it leaves behind are not reported.
  static func run(_ arguments: [String]) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for stream in 0..<3 { posix_spawn_file_actions_addopen(&actions, Int32(stream), "/dev/null", O_RDWR, 0) }
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    guard posix_spawnp(&process, arguments[0], &actions, nil, &words, environ) == 0 else { return -1 }
    var status = Int32()
    return waitpid(process, &status, 0) == process ? status : -1
  }

  /// Starts a program in a session of its own, and ends it when the body is done.
  static func running(_ arguments: [String], _ body: (_ process: Int32) throws -> Void) throws {
    let process = try start(arguments)
    defer { end(process) }
    try body(process)
  }

  /// Starts a program in a session of its own.
  static func start(_ arguments: [String]) throws -> Int32 {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // POSIX_SPAWN_SETSID, which glibc declares only for GNU programs.
    posix_spawnattr_setflags(&attributes, 0x80)
    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var process = pid_t()
    guard posix_spawnp(&process, arguments[0], nil, &attributes, &words, environ) == 0 else {
      throw FileError(errno: errno, arguments[0])
    }
    return process
  }

  /// Ends the session of a program that was started here.
  static func end(_ process: Int32) {
    kill(-process, SIGKILL)
    _ = waitpid(process, nil, 0)
  }
}
