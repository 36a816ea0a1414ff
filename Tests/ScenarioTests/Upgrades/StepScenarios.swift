import KubeDirector
import Reports
import TestSupport
import Testing

@Suite("Stepwise history and atomic commits", needsBubblewrap)
struct StepScenarios {
  private static let stepwise = ["KDOPS_HISTORY": "stepwise"]
  private static let atomic = ["KDOPS_ATOMIC": "commit"]

  /// When these commits were applied to `shop`, and when their upgrades had ended.
  private static func turns(_ scene: Scene, _ commits: [String]) -> [String] {
    let words = ["object.applied": "applied", "upgrade.ended": "ended"]
    return scene.log().split(separator: "\n").filter { $0.contains("=\(scene.name("shop")) ") }.compactMap {
      line in
      guard let word = words.first(where: { line.contains(" event=\($0.key) ") })?.value,
        let index = commits.firstIndex(where: { line.contains(" commit=\($0.prefix(7)) ") })
      else { return nil }
      return "\(word) \(index + 1)"
    }
  }

  @Test(
    "history: stepwise applies three commits of one push in order, also if the daemon is killed meanwhile",
    arguments: [false, true])
  func stepwise(dying: Bool) async throws {
    let fixture = Fixture(
      .embedded, workers: 1, .init(version: "1.1", hook: "0.7"), .init(version: "1.2", hook: "0.5"))
    try await scenario(fixture, start: false) { scene in
      try await scene.start(environment: Self.stepwise)
      try await scene.configured("1.0.0")
      let user = scene.forge.user
      let first = try user.commit(fixture.upgrade(), "Upgrade shop")
      let second = try user.commit(fixture.upgrade(to: "1.2.0"), "Upgrade shop again")
      let third = try user.commit(fixture.resize(2, app: "1.2.0"), "Grow shop")
      try user.push()
      if dying {
        // An event in the log cannot be missed, unlike a status that lasts for half a second.
        try await scene.eventually("first upgrade that was applied") {
          scene.logged("object.applied").contains { $0.contains(" commit=\(first.prefix(7))") } ? true : nil
        }
        try await scene.kill()
        try await scene.start(environment: Self.stepwise)
      }
      let note = try await scene.note(third, phase: "done")
      #expect(note.object("shop")?.change == .resize)
      #expect(
        Self.turns(scene, [first, second, third]) == [
          "applied 1", "ended 1", "applied 2", "ended 2", "applied 3",
        ])
      for (commit, app) in [(first, "web-1.1.0"), (second, "web-1.2.0")] {
        let report = scene.forge.note(commit)?.object("shop")
        #expect(report?.change == .upgrade && report?.upgrade?.toApp == app && report?.message == nil)
      }
      try await scene.configured("1.2.0")
      #expect(
        try await scene.events("shop-worker-0") == [
          "configure 1.0", "pod_upgraded 1.1", "pod_upgraded 1.2", "addnodes 1.2",
        ])
      #expect(try await scene.events("shop-worker-1") == ["configure 1.2"])
      try await scene.mustHaveRunOnce(["shop-worker-0", "shop-worker-1", "shop-front-0", "shop-gateway-0"])
    }
  }

  @Test(
    "history: stepwise ends a stalled step by the revert behind it in the same push, and then continues"
  )
  func stalledStep() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    try await scenario(fixture, start: false) { scene in
      try await scene.start(environment: Self.stepwise)
      try await scene.configured("1.0.0")
      let user = scene.forge.user
      let first = try user.commit(fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      try user.git("revert", "--no-edit", first)
      let revert = try user.head()
      let third = try user.commit(fixture.upgrade(to: "1.2.0"), "Upgrade shop again")
      try user.push()
      try await scene.note(third, phase: "done")
      try await scene.configured("1.2.0")
      #expect(scene.forge.note(first)?.object("shop")?.message == "rolled back by \(revert.prefix(7))")
      #expect(scene.forge.note(revert)?.object("shop")?.change == .rollback)
      #expect(scene.forge.note(revert)?.phase == "done")
      #expect(try await scene.app("1.1.0") == nil)
      #expect(try await scene.events("shop-worker-0").last == "pod_upgraded 1.2")
      try await scene.mustHaveRunOnce(["shop-worker-0", "shop-front-0", "shop-gateway-0"])
    }
  }

  @Test(
    "atomic: commit applies nothing of a commit with an invalid object, also after a restart; once fixed, all of it"
  )
  func atomic() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    var files = fixture.shop()
    files[Fixture.clusterPath("depot")] = fixture.cluster("depot", app: "1.0.0", front: nil)
    try await scenario(fixture, files, start: false) { scene in
      try await scene.start(environment: Self.atomic)
      try await scene.note(try scene.forge.first(), phase: "done")
      let before = try await (scene.cluster(), scene.cluster("depot"), scene.pods())
      var change = fixture.upgrade()
      change[Fixture.clusterPath("depot")] = fixture.cluster("depot", app: "1.1.0", front: nil)
        .replacing("namingScheme: CrNameRole", with: "namingScheme: Random")
      let commit = try scene.forge.push(change, "Upgrade both")
      let note = try await scene.note(commit, phase: "rejected")
      #expect(note.object("depot")?.rules == ["cluster/schema"])
      #expect(note.object("shop")?.rules == ["commit/atomic"])
      #expect(note.object("shop")?.message?.contains("\(scene.name("depot"))") == true)
      #expect(note.object("web-1.1.0")?.verdict == .rejected)
      func isUntouched() async throws -> Bool {
        let now = try await (scene.cluster(), scene.cluster("depot"), scene.pods())
        let app = try await scene.app("1.1.0")
        return now == before && app == nil
      }
      try await staying(for: .seconds(1), "all as it was", isUntouched)
      try await scene.kill()
      try await scene.start(environment: Self.atomic)
      try await scene.eventually("daemon that follows again") {
        scene.logged("head.fetched").count >= 3 ? true : nil
      }
      try await staying(for: .seconds(1), "all as it was", isUntouched)

      let fixed = try scene.forge.push(
        [Fixture.clusterPath("depot"): fixture.cluster("depot", app: "1.1.0", front: nil)], "Fix depot")
      try await scene.note(fixed, phase: "done")
      try await scene.note(commit, "done, but for what was fixed") {
        $0.object("shop")?.phase == .done && $0.object("web-1.1.0")?.phase == .done
      }
      try await scene.configured("1.1.0")
      try await scene.configured("1.1.0", "depot")
    }
  }
}
