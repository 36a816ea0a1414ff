import KubeDirector
import StatusWriter
import Testing

/// Scenarios need bubblewrap to run scripts as the daemon does.
let needsBubblewrap: any SuiteTrait & TestTrait = .enabled(
  if: DaemonProcess.hasBubblewrap, "bubblewrap is not installed: apt-get install bubblewrap")

@Suite("From a commit to its note", needsBubblewrap)
struct UpgradeScenarios {
  static let workers = ["shop-worker-0", "shop-worker-1", "shop-worker-2"]
  static let pods = workers + ["shop-front-0", "shop-gateway-0"]

  @Test("the first commit makes the cluster: each pod is configured once, and note and status file say so")
  func create() async throws {
    try await scenario(Fixture.shop()) { scene in
      let first = try scene.forge.first()
      let note = try await scene.note(first, phase: "done")
      #expect(note.object("shop")?.change == "create")
      #expect(note.object("web-1.0.0")?.verdict == "accepted")
      #expect(note.sentence.hasPrefix("done: "))
      let file = try await eventually("status file that says configured") {
        let file = scene.forge.statusFile("shop")
        return file?.state == .configured ? file : nil
      }
      #expect(file.commit == first)
      #expect(file.app == "web-1.0.0")
      #expect(
        file.roles == [
          .init(id: "worker", members: 3), .init(id: "front", members: 1), .init(id: "gateway", members: 1),
        ])
      for pod in Self.pods {
        let version = pod == "shop-gateway-0" ? "2.4" : "1.0"
        #expect(scene.events(pod) == ["configure \(version)"], "\(pod)")
      }
    }
  }

  @Test(
    "an app and the cluster that uses it in one commit: pods last to first, the unchanged role left alone")
  func upgrade() async throws {
    try await scenario(Fixture.shop(.init(version: "1.1", hook: "0.2"))) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let commit = try scene.forge.push(Fixture.upgrade(), "Upgrade shop")
      let note = try await scene.note(commit, phase: "done")
      let status = try await scene.configured("1.1.0")
      let after = try await scene.pods()

      #expect(before["shop-gateway-0"] == after["shop-gateway-0"])
      #expect(scene.events("shop-gateway-0") == ["configure 2.4"])
      #expect(scene.events("shop-front-0") == ["pod_upgraded 1.1"])
      for pod in Self.workers {
        #expect(before[pod]?.uid != after[pod]?.uid)
        #expect(scene.events(pod) == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
      }
      let turns = Self.workers.compactMap { pod in scene.runs(pod).last { $0.event == "pod_upgraded" } }
      #expect(turns.map(\.began) == turns.map(\.began).sorted(by: >))
      for (later, earlier) in zip(turns, turns.dropFirst()) {
        #expect(try later.began > #require(earlier.ended))
      }

      #expect(status.roles.allSatisfy { $0.upgradeStatus == nil })
      #expect(status.members.allSatisfy { $0.upgrade == nil })
      let progress = try #require(note.object("shop")?.upgrade)
      #expect(progress.fromApp == "web-1.0.0")
      #expect(progress.toApp == "web-1.1.0")
      #expect(progress.roles.map(\.id) == ["worker", "front"])
      #expect(progress.done == 4)
      #expect(progress.total == 4)
    }
  }

  @Test("its revert in the middle rolls back the pods that were claimed, and then deletes the app")
  func rollback() async throws {
    try await scenario(Fixture.shop(.init(version: "1.0", hook: "2.5"), .init(version: "1.1", start: "2s"))) {
      scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let commit = try scene.forge.push(Fixture.upgrade(), "Upgrade shop")
      try await eventually("worker that is upgraded") {
        scene.runs("shop-worker-2").contains { $0.event == "pod_upgraded" && $0.ended != nil } ? true : nil
      }
      let revert = try scene.forge.revert(commit)
      let meanwhile = try await scene.note(revert, "rolling back") {
        $0.object("shop")?.phase == .rollingBack
      }
      #expect(meanwhile.object("web-1.1.0")?.verdict == "waiting")
      #expect(meanwhile.object("web-1.1.0")?.change == "delete")

      let note = try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      #expect(note.object("shop")?.change == "rollback")
      #expect(try await scene.app("1.1.0") == nil)
      #expect(try await scene.app("1.0.0") != nil)
      let old = try #require(scene.forge.note(commit))
      #expect(old.phase == "failed")
      #expect(old.object("shop")?.message == "rolled back by \(revert.prefix(7))")

      let after = try await scene.pods()
      let claimed = Set(Self.pods.filter { pod in scene.logged("pod.claimed").contains { $0.contains(pod) } })
      #expect(claimed.isSuperset(of: ["shop-worker-2", "shop-front-0"]))
      #expect(!claimed.contains("shop-worker-0"))
      for pod in Self.pods {
        let reverts = scene.runs(pod).filter { $0.event == "pod_reverted" }
        #expect(reverts.map(\.version) == (claimed.contains(pod) ? ["1.0"] : []), "\(pod)")
        #expect((before[pod]?.uid != after[pod]?.uid) == claimed.contains(pod), "\(pod)")
        #expect(before[pod]?.image == after[pod]?.image)
      }
      try scene.mustHaveRunOnce(Self.pods)
    }
  }

  @Test(
    "a tag that cannot be pulled: the note names the reason and the way out, and a revert brings everything back"
  )
  func badTag() async throws {
    try await scenario(Fixture.shop()) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let commit = try scene.forge.push(Fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      let stuck = try await scene.note(commit, "stuck") { $0.phase == "failed" }
      let message = try #require(stuck.object("shop")?.message)
      #expect(message.contains("ErrImagePull"))
      #expect(message.contains("registry.example/web:1.l.0"))
      #expect(message.contains("revert commit \(commit.prefix(7))"))
      #expect(stuck.sentence.contains("stalled: default/shop"))
      #expect(stuck.object("shop")?.upgrade?.roles.contains { $0.stalled } == true)
      #expect(try await scene.status()?.state == .updating)

      let revert = try scene.forge.revert(commit)
      let note = try await scene.note(revert, phase: "done")
      #expect(note.object("shop")?.change == "rollback")
      try await scene.configured("1.0.0")
      let after = try await scene.pods()
      for pod in ["shop-worker-0", "shop-worker-1", "shop-gateway-0"] {
        #expect(before[pod] == after[pod], "\(pod)")
      }
      #expect(scene.events("shop-worker-2") == ["configure 1.0", "pod_reverted 1.0"])
      #expect(scene.events("shop-front-0") == ["pod_reverted 1.0"])
    }
  }

  @Test("a script that fails stops its role, is not run again by itself, and a revert brings the pod back")
  func failingScript() async throws {
    try await scenario(Fixture.shop(.init(version: "1.1", failsUpgraded: 7))) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(Fixture.upgrade(), "Upgrade shop")
      let stuck = try await scene.note(commit, "stuck") { $0.phase == "failed" }
      let message = try #require(stuck.object("shop")?.message)
      #expect(message.contains("--pod_upgraded ended with exit code 7"))
      #expect(message.contains("revert commit \(commit.prefix(7))"))
      // The other role fails by itself, a moment earlier or later.
      try await eventually("failure of both roles") {
        try await scene.status()?.members.filter { $0.state == .configError }.count == 2 ? true : nil
      }
      try await staying(for: .seconds(2), "one run a pod, and no other pod touched") {
        scene.events("shop-worker-2") == ["configure 1.0", "pod_upgraded 1.1"]
          && scene.events("shop-worker-1") == ["configure 1.0"]
          && scene.events("shop-front-0") == ["pod_upgraded 1.1"]
      }
      // Nor by a daemon that begins anew.
      try await scene.kill()
      try await scene.start()
      try await eventually("daemon that follows again") {
        scene.logged("head.fetched").count >= 3 ? true : nil
      }
      try await staying(for: .seconds(2), "one run a pod after a restart") {
        scene.events("shop-worker-2") == ["configure 1.0", "pod_upgraded 1.1"]
      }
      let revert = try scene.forge.revert(commit)
      try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      #expect(scene.events("shop-worker-2") == ["configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0"])
      #expect(scene.events("shop-worker-0") == ["configure 1.0"])
    }
  }

  @Test("apps that ask for it hear of the end of a role and of the whole cluster", arguments: [false, true])
  func announcements(reverting: Bool) async throws {
    let events = ["configure", "role_upgraded", "role_reverted", "cluster_upgraded", "cluster_reverted"]
    var files = Fixture.shop(workers: 2, .init(version: "1.1", start: reverting ? "2s" : "0s"))
    files[Fixture.appPath("1.0.0")] = Fixture.app("1.0.0", events: events)
    try await scenario(files) { scene in
      try await scene.configured("1.0.0")
      var change = Fixture.upgrade(workers: 2)
      change[Fixture.appPath("1.1.0")] = Fixture.app("1.1.0", events: events)
      let commit = try scene.forge.push(change, "Upgrade shop")
      guard reverting else {
        try await scene.note(commit, phase: "done")
        #expect(
          scene.events("shop-worker-1") == [
            "configure 1.0", "pod_upgraded 1.1", "role_upgraded 1.1", "cluster_upgraded 1.1",
          ])
        return
      }
      try await scene.note(commit, "upgrading") { $0.object("shop")?.phase == .upgrading }
      let revert = try scene.forge.revert(commit)
      try await scene.note(revert, phase: "done")
      #expect(
        scene.events("shop-worker-1").suffix(3) == [
          "pod_reverted 1.0", "role_reverted 1.0", "cluster_reverted 1.0",
        ])
    }
  }
}
