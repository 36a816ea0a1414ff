import KubeDirector
import Reports
import Testing

@Suite("Annotations committed while an upgrade runs", needsBubblewrap)
struct SuspendScenarios {
  /// Commits these annotations, and no others, on a cluster during its upgrade.
  private static func annotate(_ annotations: [String: String], _ message: String, _ scene: Scene) throws
    -> String
  {
    let file = scene.fixture.cluster(app: "1.1.0", annotations: annotations)
    return try scene.forge.push([Fixture.clusterPath("shop"): file], message)
  }

  /// Waits until the script of the first pod runs.
  private static func begun(_ scene: Scene) async throws {
    try await scene.eventually("script that runs in shop-worker-2") {
      try await scene.runs("shop-worker-2").contains { $0.event == "pod_upgraded" } ? true : nil
    }
  }

  private static func records(_ scene: Scene) async throws -> [String: [String]] {
    var records: [String: [String]] = [:]
    for pod in UpgradeScenarios.pods { records[pod] = try await scene.events(pod) }
    return records
  }

  @Test(
    "suspended, running actions end and no new ones start, with a message; resumed, the upgrade completes",
    arguments: Backend.available)
  func suspend(_ backend: Backend) async throws {
    let fixture = Fixture(
      backend, .init(version: "1.1", hook: backend.pick(embedded: "2.5", kubernetes: "6")))
    try await scenario(fixture) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
      try await Self.begun(scene)
      let stop = try Self.annotate([Wire.Annotation.suspend: "true"], "Suspend shop", scene)
      try await scene.note(stop, phase: "done")
      // A running action completes, and its result is recorded.
      let status = try await scene.eventually("end of what runs, and word of the suspension") {
        let status = try await scene.status()
        let touched = status?.members.filter { $0.upgrade != nil } ?? []
        let isOver = touched.allSatisfy { $0.upgrade?.done == true }
        return status?.isSuspended == true && isOver ? status : nil
      }
      #expect(status.state == .updating && status.upgradeInfo?.prevApp == "web-1.0.0")
      #expect(status.condition(.stalled)?.status == false)
      let note = try await scene.note(commit, "suspended") {
        $0.object("shop")?.message?.contains("suspended by \(Wire.Annotation.suspend)") == true
      }
      #expect(note.object("shop")?.phase == .upgrading)
      let (pods, records) = try await (scene.pods(), Self.records(scene))
      #expect(records["shop-worker-2"]?.last == "pod_upgraded 1.1")
      #expect(records["shop-worker-0"] == ["configure 1.0"])
      func isUntouched() async throws -> Bool {
        let now = try await (scene.pods(), Self.records(scene))
        return now == (pods, records)
      }
      try await staying(for: .seconds(2), "pods and scripts as they were", isUntouched)
      // A new daemon takes no step either.
      try await scene.kill()
      try await scene.start()
      try await scene.eventually("daemon that follows again") {
        scene.logged("head.fetched").count >= 4 ? true : nil
      }
      try await staying(for: .seconds(2), "pods and scripts as they were", isUntouched)
      #expect(scene.forge.note(commit)?.object("shop")?.phase == .upgrading)

      let resume = try Self.annotate([:], "Resume shop", scene)
      let done = try await scene.note(commit, phase: "done")
      #expect(done.object("shop")?.message == nil)
      #expect(done.object("shop")?.upgrade?.done == 4)
      try await scene.note(resume, phase: "done")
      try await scene.configured("1.1.0")
      for pod in UpgradeScenarios.workers {
        #expect(try await scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
      }
      #expect(try await scene.events("shop-front-0") == ["pod_upgraded 1.1"])
      #expect(try await scene.events("shop-gateway-0") == ["configure 2.4"])
      try await scene.mustHaveRunOnce(UpgradeScenarios.pods)
    }
  }

  @Test("suspended and reverted, the rollback starts only after resume, and then covers every touched pod")
  func revertWhileSuspended() async throws {
    let fixture = Fixture(.embedded, .init(version: "1.1", hook: "1.5"))
    try await scenario(fixture) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
      try await Self.begun(scene)
      let stop = try Self.annotate([Wire.Annotation.suspend: "true"], "Suspend shop", scene)
      try await scene.eventually("end of what runs") {
        let status = try await scene.status()
        let isOver = status?.members.allSatisfy { $0.upgrade?.done != false } == true
        return status?.isSuspended == true && isOver ? true : nil
      }
      let pods = try await scene.pods()
      var change: [String: String?] = [Fixture.appPath("1.1.0"): nil]
      change[Fixture.clusterPath("shop")] = fixture.cluster(
        app: "1.0.0", annotations: [Wire.Annotation.suspend: "true"])
      let back = try scene.forge.push(change, "Take the upgrade back")
      let note = try await scene.note(back, "suspended") {
        $0.object("shop")?.message?.contains("suspended by \(Wire.Annotation.suspend)") == true
      }
      #expect(note.object("shop")?.change == .rollback)
      try await staying(for: .seconds(1), "pods as they were") { try await scene.pods() == pods }
      #expect(try await scene.status()?.upgradeInfo?.isRollingBack == false)

      let resume = try scene.forge.push(
        [Fixture.clusterPath("shop"): fixture.cluster(app: "1.0.0")], "Resume shop")
      try await scene.note(back, phase: "done")
      try await scene.note(resume, phase: "done")
      try await scene.configured("1.0.0")
      #expect(scene.forge.note(stop)?.phase == "done")
      #expect(scene.forge.note(commit)?.object("shop")?.message == "rolled back by \(back.prefix(7))")
      #expect(
        try await scene.events("shop-worker-2") == ["configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0"])
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
      #expect(try await scene.app("1.1.0") == nil)
      try await scene.mustHaveRunOnce(UpgradeScenarios.pods)
    }
  }

  @Test("a retry request during an upgrade without failures changes nothing, and no note is overwritten")
  func retryInTheMiddle() async throws {
    let fixture = Fixture(.embedded, .init(version: "1.1", hook: "1"))
    try await scenario(fixture) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(fixture.upgrade(), "Upgrade shop")
      try await Self.begun(scene)
      let request = try Self.annotate(
        [Wire.Annotation.retry: "shop-worker-2 now"], "Try again what has not failed", scene)
      let found = try await scene.note(request, phase: "done")
      #expect(found.object("shop")?.change == .metadata)
      #expect(scene.forge.note(commit)?.object("shop")?.phase == .upgrading)
      let done = try await scene.note(commit, "done, and never overtaken") { note in
        #expect(note.object("shop")?.message?.contains("superseded") != true)
        return note.phase == "done"
      }
      #expect(done.object("shop")?.upgrade?.done == 4)
      for pod in UpgradeScenarios.workers {
        #expect(try await scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
      }
      #expect(try await scene.announcements("RetryIgnored").first?.contains("nothing has failed") == true)
    }
  }

  @Test(
    "a cluster whose file is suspended from the start is created only after resume, and its status says so")
  func bornSuspended() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    var files = fixture.shop()
    files[Fixture.clusterPath("shop")] = fixture.cluster(
      app: "1.0.0", annotations: [Wire.Annotation.suspend: "true"])
    try await scenario(fixture, files) { scene in
      let first = try scene.forge.first()
      try await scene.note(first, "suspended") {
        $0.object("shop")?.message?.contains("suspended by \(Wire.Annotation.suspend)") == true
      }
      try await staying(for: .seconds(1), "nothing of it") {
        let names = try await scene.names(.pods) + scene.names(.statefulSets) + scene.names(.services)
        return names.isEmpty
      }
      let resume = try scene.forge.push(
        [Fixture.clusterPath("shop"): fixture.cluster(app: "1.0.0")], "Resume shop")
      try await scene.configured("1.0.0")
      try await scene.note(first, phase: "done")
      try await scene.note(resume, phase: "done")
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
    }
  }
}
