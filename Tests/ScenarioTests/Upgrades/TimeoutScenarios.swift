import KubeDirector
import Reports
import TestSupport
import Testing

@Suite("A script that hangs", needsBubblewrap)
struct TimeoutScenarios {
  /// The way in which a retry is requested.
  enum Request: String, CaseIterable, CustomTestStringConvertible {
    case command = "by kdops retry"
    case commit = "by a commit"
    var testDescription: String { rawValue }
  }

  private static let pod = "shop-worker-1"
  private static let impatient = ["KDOPS_UPGRADE_SCRIPT_TIMEOUT": "2s"]

  /// Requests a retry of what failed.
  ///
  /// - Returns: the commit that requests it, if there is one.
  private static func retry(_ request: Request, app version: String, _ scene: Scene) async throws -> String? {
    switch request {
    case .command:
      let words = try await scene.kdops("retry", "\(scene.name("shop"))")
      #expect(words.contains("what failed in \(pod) is run again"))
      return nil
    case .commit:
      let file = scene.fixture.cluster(
        app: version, front: nil, annotations: [Wire.Annotation.retry: "\(pod) 1"])
      return try scene.forge.push([Fixture.clusterPath("shop"): file], "Try \(pod) again")
    }
  }

  private static func files(_ fixture: Fixture) -> [String: String?] {
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = fixture.cluster(app: "1.0.0", front: nil)
    return files
  }

  /// Waits until the pod's script was killed and the stall was reported.
  private static func stuck(_ event: String, _ commit: String, _ scene: Scene) async throws -> String {
    let note = try await scene.note(commit, "stuck") { $0.phase == "failed" }
    let message = try #require(note.object("shop")?.message)
    #expect(
      message.contains("\(pod): startscript --\(event) did not end in time (exit code 124)"), "\(message)")
    let member = try await scene.status()?.members.first { $0.pod == pod }
    #expect(member?.state == .configError)
    #expect(member?.detail.configError?.contains("did not end in time") == true)
    let stalled = try await scene.status()?.condition(.stalled)
    #expect(stalled?.status == true && stalled?.message == message)
    #expect(try await scene.runs(pod).last?.ended == nil)
    return message
  }

  @Test(
    "while a cluster is created, a hanging script is killed and reported with a remediation; a retry configures the cluster",
    arguments: Backend.available, Request.allCases)
  func configure(_ backend: Backend, _ request: Request) async throws {
    let fixture = Fixture(
      backend, workers: 2, .init(version: "1.0", hangs: "configure", failsIn: Self.pod))
    try await scenario(fixture, Self.files(fixture), start: false) { scene in
      try await scene.start(environment: Self.impatient)
      let first = try scene.forge.first()
      let message = try await Self.stuck("configure", first, scene)
      #expect(
        message.contains("fix the cause, then kdops retry \(scene.name("shop"))/\(Self.pod)"), "\(message)")
      #expect(try await scene.status()?.state == .creating)
      let pods = try await scene.pods()
      try await staying(for: .seconds(1), "one run, as no other was requested") {
        try await scene.events(Self.pod) == ["configure 1.0"]
      }

      let commit = try await Self.retry(request, app: "1.0.0", scene)
      try await scene.configured("1.0.0")
      try await scene.note(first, phase: "done")
      if let commit { try await scene.note(commit, phase: "done") }
      #expect(try await scene.events(Self.pod) == ["configure 1.0", "configure 1.0"])
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
      #expect(try await scene.pods() == pods)
      #expect(try await scene.status()?.condition(.stalled)?.status == false)
    }
  }

  @Test(
    "during an upgrade, a retry on request completes it, and does not overwrite the note of its commit",
    arguments: Backend.available, Request.allCases)
  func upgrade(_ backend: Backend, _ request: Request) async throws {
    let fixture = Fixture(
      backend, workers: 2, .init(version: "1.1", hangs: "pod_upgraded", failsIn: Self.pod))
    try await scenario(fixture, Self.files(fixture), start: false) { scene in
      try await scene.start(environment: Self.impatient)
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      var change = fixture.upgrade()
      change[Fixture.clusterPath("shop")] = fixture.cluster(app: "1.1.0", front: nil)
      let commit = try scene.forge.push(change, "Upgrade shop")
      let message = try await Self.stuck("pod_upgraded", commit, scene)
      #expect(message.contains("revert commit \(commit.prefix(7))"), "\(message)")
      #expect(try await scene.pods()["shop-worker-0"] == before["shop-worker-0"])

      let asking = try await Self.retry(request, app: "1.1.0", scene)
      let note = try await scene.note(commit, "done, and never overtaken") { note in
        #expect(note.object("shop")?.message?.contains("superseded") != true)
        return note.phase == "done"
      }
      #expect(note.object("shop")?.upgrade?.done == 2)
      try await scene.configured("1.1.0")
      if let asking {
        let note = try await scene.note(asking, phase: "done")
        #expect(note.object("shop")?.change == .metadata)
      }
      #expect(
        try await scene.events(Self.pod) == ["configure 1.0", "pod_upgraded 1.1", "pod_upgraded 1.1"])
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0", "pod_upgraded 1.1"])
      #expect(try await scene.pods()["shop-gateway-0"] == before["shop-gateway-0"])
    }
  }

  @Test(
    "if the daemon is killed meanwhile, the next one detects the timeout, and no script runs twice",
    arguments: Backend.available)
  func death(_ backend: Backend) async throws {
    let fixture = Fixture(
      backend, workers: 2, .init(version: "1.0", hangs: "configure", failsIn: Self.pod))
    try await scenario(fixture, Self.files(fixture), start: false) { scene in
      let environment = ["KDOPS_UPGRADE_SCRIPT_TIMEOUT": backend.pick(embedded: "4s", kubernetes: "10s")]
      try await scene.start(environment: environment)
      try await scene.eventually("script that hangs") {
        try await scene.events(Self.pod) == ["configure 1.0"] ? true : nil
      }
      try await scene.kill()
      try await scene.start(environment: environment)
      _ = try await Self.stuck("configure", try scene.forge.first(), scene)
      #expect(try await scene.events(Self.pod) == ["configure 1.0"])
      _ = try await Self.retry(.command, app: "1.0.0", scene)
      try await scene.configured("1.0.0")
      #expect(try await scene.events(Self.pod) == ["configure 1.0", "configure 1.0"])
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
    }
  }
}
