import KubeDirector
import Reports
import Testing

@Suite("Verdicts on commits, and their effects", needsBubblewrap)
struct VerdictScenarios {
  @Test("a revert after the end is rejected, nothing changes, and the note says how to restore the old state")
  func revertAfterTheEnd() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.note(commit, phase: "done")
      let before = try await scene.pods()
      let revert = try scene.forge.revert(commit)
      let note = try await scene.note(revert, phase: "rejected")
      let report = try #require(note.object("shop"))
      #expect(report.rules == ["upgrade/newer"])
      let message = try #require(report.message)
      #expect(message.contains("1.0.0 is not newer than 1.1.0"))
      #expect(message.contains("publish the image under a version above 1.1.0"))
      #expect(note.sentence.contains("rejected: default/shop (upgrade/newer: "))
      try await staying(for: .seconds(1), "cluster as it was") {
        let (pods, status) = try await (scene.pods(), scene.status())
        return pods == before && status?.app == "web-1.1.0"
      }
      #expect(try await scene.app("1.1.0") != nil)
      #expect(scene.forge.note(commit)?.phase == "done")
    }
  }

  @Test("an upgrade and its revert in one push change nothing, and no upgrade is reported")
  func netChange() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let user = scene.forge.user
      let commit = try user.commit(scene.fixture.upgrade(), "Upgrade shop")
      try user.git("revert", "--no-edit", commit)
      try user.push()
      let head = try user.head()
      try await scene.eventually("fetch of the revert") {
        scene.logged("head.fetched").contains { $0.contains(head.prefix(7)) } ? true : nil
      }
      // The next change is reported; these two commits are not.
      let next = try scene.forge.push(
        scene.fixture.resize(2), "Grow shop")
      try await scene.note(next, phase: "done")
      #expect(scene.forge.note(commit) == nil)
      #expect(scene.forge.note(head) == nil)
      let after = try await scene.pods()
      for (pod, sight) in before { #expect(after[pod] == sight, "\(pod)") }
      #expect(try await scene.app("1.1.0") == nil)
    }
  }

  @Test(
    "a third app waits while an upgrade runs, and then is applied automatically, also by a new daemon",
    arguments: Backend.available, [false, true])
  func thirdApp(_ backend: Backend, dying: Bool) async throws {
    try await scenario(Fixture(backend, workers: 2, .init(version: "1.1", start: "2s"))) { scene in
      try await scene.configured("1.0.0")
      let second = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("upgrade that runs") {
        try await scene.status()?.upgradeInfo == nil ? nil : true
      }
      let third = try scene.forge.push(scene.fixture.upgrade(to: "1.2.0"), "Upgrade shop again")
      let waiting = try await scene.note(third, phase: "waiting")
      let message = try #require(waiting.object("shop")?.message)
      #expect(message.contains("waits for the running upgrade to web-1.1.0"))
      #expect(waiting.object("web-1.2.0")?.phase == .done)
      if dying {
        try await scene.kill()
        try await scene.start()
      }
      let note = try await scene.note(third, phase: "done")
      try await scene.configured("1.2.0")
      #expect(note.object("shop")?.upgrade?.fromApp == "web-1.1.0")
      try await scene.note(second, phase: "done")
      #expect(
        try await scene.events("shop-worker-1") == ["configure 1.0", "pod_upgraded 1.1", "pod_upgraded 1.2"])
    }
  }

  @Test("behind a stalled upgrade the note of a third app names the commit to revert first")
  func thirdAppBehindStall() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let second = try scene.forge.push(scene.fixture.upgrade(tag: "1.l.0"), "Upgrade shop")
      try await scene.note(second, phase: "failed")
      let third = try scene.forge.push(scene.fixture.upgrade(to: "1.2.0"), "Upgrade shop again")
      let note = try await scene.note(third, phase: "waiting")
      #expect(
        note.object("shop")?.message?.contains(
          "waits for a stalled upgrade; revert `\(second.prefix(7))` first") == true)
    }
  }

  @Test("of two clusters in one commit the invalid one is rejected, and the other is upgraded")
  func oneOfTwo() async throws {
    let fixture = Fixture(.embedded, workers: 1)
    var files = fixture.shop()
    files[Fixture.clusterPath("depot")] = fixture.cluster("depot", app: "1.0.0")
    try await scenario(fixture, files) { scene in
      try await scene.configured("1.0.0")
      try await scene.configured("1.0.0", "depot")
      var change = scene.fixture.upgrade()
      change[Fixture.clusterPath("depot")] = scene.fixture.cluster("depot", app: "1.1.0")
        .replacing("namingScheme: CrNameRole", with: "namingScheme: Random")
      let commit = try scene.forge.push(change, "Upgrade both")
      let note = try await scene.note(commit, "half done") {
        $0.object("shop")?.phase == .done && $0.object("depot")?.phase == .rejected
      }
      #expect(note.phase == "rejected")
      #expect(note.object("depot")?.rules == ["cluster/schema"])
      try await scene.configured("1.1.0")
      #expect(try await scene.status("depot")?.app == "web-1.0.0")
      #expect(try await scene.cluster("depot")?.json["spec"]?["app"]?.string == "web-1.0.0")
    }
  }

  @Test("a member count changed together with the app is rejected, and no part of it is applied")
  func membersWithApp() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.cluster()
      let commit = try scene.forge.push(scene.fixture.upgrade(workers: 2), "Upgrade and grow shop")
      let note = try await scene.note(commit, phase: "rejected")
      #expect(note.object("shop")?.rules == ["upgrade/only-app"])
      try await staying(for: .seconds(1), "cluster as it was") { try await scene.cluster() == before }
    }
  }

  @Test(
    "a broken file next to a valid change is rejected with its position, and its live objects stay",
    arguments: Backend.available)
  func brokenFile(_ backend: Backend) async throws {
    let fixture = Fixture(backend, workers: 1)
    var files = fixture.shop()
    files[Fixture.clusterPath("depot")] = fixture.cluster("depot", app: "1.0.0")
    try await scenario(fixture, files) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.eventually("depot configured") {
        try await scene.status("depot")?.state == .configured ? try await scene.cluster("depot") : nil
      }
      var change = scene.fixture.upgrade()
      change[Fixture.clusterPath("depot")] = "kind: KubeDirectorCluster\nmetadata: {name: depot\nspec: x: y\n"
      let commit = try scene.forge.push(change, "Upgrade shop, break depot")
      let note = try await scene.note(commit, "half done") { $0.object("shop")?.phase == .done }
      #expect(note.phase == "rejected")
      let file = try #require(note.object("clusters/depot.yaml"))
      #expect(file.verdict == .rejected)
      #expect(file.rules == ["file/syntax"])
      #expect(file.message?.hasPrefix("line 3, column ") == true)
      #expect(note.report.objects.contains { $0.verdict == .orphaned } == false)
      #expect(try await scene.cluster("depot") == before)

      // A new daemon blames the same commit, not the newest.
      let harmless = try scene.forge.push(["README.md": "Shops.\n"], "Explain")
      try await scene.kill()
      try await scene.start()
      try await scene.eventually("fetch of the last commit") {
        scene.logged("head.fetched").contains { $0.contains(harmless.prefix(7)) } ? true : nil
      }
      try await staying(for: .seconds(1), "notes as they were") {
        scene.forge.note(harmless) == nil && scene.forge.note(commit)?.text == note.text
      }

      let fixed = try scene.forge.push(
        [Fixture.clusterPath("depot"): scene.fixture.cluster("depot", app: "1.0.0", workers: 2)], "Fix depot"
      )
      try await scene.note(fixed, phase: "done")
      #expect(try await scene.status("depot")?.role("worker")?.members.count == 2)
    }
  }

  @Test(
    "with pruning off, deleting a cluster's file deletes nothing; the note says that the cluster still runs")
  func orphan() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let commit = try scene.forge.push([Fixture.clusterPath("shop"): nil], "Remove shop")
      let note = try await scene.note(commit, "written") { $0.object("shop") != nil }
      #expect(note.object("shop")?.verdict == .orphaned)
      #expect(note.object("shop")?.message?.contains("kept running") == true)
      try await staying(for: .seconds(1), "cluster as it was") {
        let (pods, cluster) = try await (scene.pods(), scene.cluster())
        return pods == before && cluster != nil
      }
      #expect(scene.forge.statusFile(scene.name("shop"))?.verdict == .orphaned)
    }
  }

  @Test("when members are added or removed, the others are notified", arguments: Backend.available)
  func resize(_ backend: Backend) async throws {
    try await scenario(Fixture(backend, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let grow = try scene.forge.push(
        scene.fixture.resize(3), "Grow shop")
      let grown = try await scene.note(grow, phase: "done")
      #expect(grown.object("shop")?.change == .resize)
      #expect(try await scene.status()?.members.count == 5)
      let addnodes = try await scene.runs("shop-worker-0").first { $0.event == "addnodes" }
      let added = try #require(addnodes)
      #expect(added.arguments.contains("--role worker"))
      #expect(added.arguments.contains("shop-worker-1.") && added.arguments.contains("shop-worker-2."))
      #expect(try await scene.events("shop-front-0") == ["configure 1.0", "addnodes 1.0"])
      #expect(try await scene.events("shop-worker-2") == ["configure 1.0"])

      let shrink = try scene.forge.push(
        scene.fixture.resize(2), "Shrink shop")
      try await scene.note(shrink, phase: "done")
      let delnodes = try await scene.runs("shop-worker-0").first { $0.event == "delnodes" }
      let left = try #require(delnodes)
      #expect(left.arguments.contains("shop-worker-2."))
      #expect(!left.arguments.contains("shop-worker-1."))
      #expect(
        try await scene.pods().keys.sorted() == [
          "shop-front-0", "shop-gateway-0", "shop-worker-0", "shop-worker-1",
        ])
      #expect(
        try await scene.status()?.role("worker")?.members.map(\.pod) == ["shop-worker-0", "shop-worker-1"])
    }
  }
}
