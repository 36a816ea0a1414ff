import Foundation
import KubeDirector
import Reports
import Testing

@Suite("Upgrades, from a commit to its note", needsBubblewrap)
struct UpgradeScenarios {
  static let workers = ["shop-worker-0", "shop-worker-1", "shop-worker-2"]
  static let pods = workers + ["shop-front-0", "shop-gateway-0"]

  @Test(
    "the first commit creates the cluster: each pod is configured once, and note and status file say so",
    arguments: Backend.available)
  func create(_ backend: Backend) async throws {
    try await scenario(Fixture(backend)) { scene in
      let first = try scene.forge.first()
      let note = try await scene.note(first, phase: "done")
      #expect(note.object("shop")?.change == .create)
      #expect(note.object("web-1.0.0")?.verdict == .accepted)
      #expect(note.sentence.hasPrefix("done: "))
      let file = try await scene.eventually("status file that says configured") {
        let file = scene.forge.statusFile(scene.name("shop"))
        return file?.state == .configured ? file : nil
      }
      #expect(file.commit == first)
      #expect(file.app == "web-1.0.0")
      #expect(
        file.roles == [
          .init(id: "worker", members: 3), .init(id: "front", members: 1), .init(id: "gateway", members: 1),
        ])
      let pods = try await scene.pods()
      #expect(pods.keys.sorted() == Self.pods.sorted())
      for pod in Self.pods {
        let isGateway = pod == "shop-gateway-0"
        #expect(try await scene.events(pod) == ["configure \(isGateway ? "2.4" : "1.0")"], "\(pod)")
        #expect(
          pods[pod]?.image == (isGateway ? scene.fixture.gatewayImage : scene.fixture.image("1.0.0")),
          "\(pod)")
      }
    }
  }

  @Test(
    "an app and its cluster in one commit: pods are upgraded last to first, the unchanged role is not touched",
    arguments: Backend.available)
  func upgrade(_ backend: Backend) async throws {
    try await scenario(Fixture(backend, .init(version: "1.1", hook: "0.2"))) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      let note = try await scene.note(commit, phase: "done")
      let status = try await scene.configured("1.1.0")
      let after = try await scene.pods()

      #expect(before["shop-gateway-0"] == after["shop-gateway-0"])
      #expect(try await scene.events("shop-gateway-0") == ["configure 2.4"])
      #expect(try await scene.events("shop-front-0") == ["pod_upgraded 1.1"])
      var turns: [Run] = []
      for pod in Self.workers {
        #expect(before[pod]?.uid != after[pod]?.uid)
        #expect(after[pod]?.image == scene.fixture.image("1.1.0"))
        let runs = try await scene.runs(pod)
        #expect(runs.map { "\($0.event) \($0.version)" } == ["configure 1.0", "pod_upgraded 1.1"], "\(pod)")
        turns += runs.filter { $0.event == "pod_upgraded" }
      }
      #expect(turns.map(\.began) == turns.map(\.began).sorted(by: >))
      for (later, earlier) in zip(turns, turns.dropFirst()) {
        #expect(try later.began >= #require(earlier.ended))
      }

      #expect(status.roles.allSatisfy { $0.upgradeStatus == nil })
      #expect(status.members.allSatisfy { $0.upgrade == nil })
      let progress = try #require(note.object("shop")?.upgrade)
      #expect(progress.fromApp == "web-1.0.0")
      #expect(progress.toApp == "web-1.1.0")
      #expect(progress.roles.map(\.id) == ["worker", "front"])
      #expect(progress.done == 4)
      #expect(progress.total == 4)

      let found = try await scene.eventually("event at the end") {
        let found = try await scene.announcements("PodUpgraded")
        return try await scene.announcements("UpgradeEnded").isEmpty ? nil : found
      }
      #expect(found.count == 4)
      #expect(found.allSatisfy { $0.contains("commit \(commit.prefix(7))") })
    }
  }

  @Test(
    "a revert during the upgrade rolls back the pods that were claimed, and then deletes the app",
    arguments: Backend.available)
  func rollback(_ backend: Backend) async throws {
    let fixture = Fixture(
      backend, .init(version: "1.0", hook: backend.pick(embedded: "2.5", kubernetes: "4")),
      .init(version: "1.1", start: "2s"))
    try await scenario(fixture) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.pods()
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("worker that is upgraded") {
        try await scene.runs("shop-worker-2").contains { $0.event == "pod_upgraded" && $0.ended != nil }
          ? true : nil
      }
      let revert = try scene.forge.revert(commit)
      let meanwhile = try await scene.note(revert, "rolling back") {
        $0.object("shop")?.phase == .rollingBack
      }
      #expect(meanwhile.object("web-1.1.0")?.verdict == .waiting)
      #expect(meanwhile.object("web-1.1.0")?.change == .delete)

      let note = try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      #expect(note.object("shop")?.change == .rollback)
      #expect(try await scene.app("1.1.0") == nil)
      #expect(try await scene.app("1.0.0") != nil)
      let old = try #require(scene.forge.note(commit))
      #expect(old.phase == "failed")
      #expect(old.object("shop")?.message == "rolled back by \(revert.prefix(7))")

      let after = try await scene.pods()
      let claims = scene.logged("pod.claimed")
      let claimed = Set(Self.pods.filter { pod in claims.contains { $0.contains(pod) } })
      #expect(claimed.isSuperset(of: ["shop-worker-2", "shop-front-0"]))
      #expect(!claimed.contains("shop-worker-0"))
      for pod in Self.pods {
        let reverts = try await scene.runs(pod).filter { $0.event == "pod_reverted" }
        #expect(reverts.map(\.version) == (claimed.contains(pod) ? ["1.0"] : []), "\(pod)")
        #expect((before[pod]?.uid != after[pod]?.uid) == claimed.contains(pod), "\(pod)")
        #expect(before[pod]?.image == after[pod]?.image)
      }
      try await scene.mustHaveRunOnce(Self.pods)
    }
  }

  @Test("a member whose mark was removed still receives its pending notifications")
  func removedMark() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let root = "\(scene.folder.path)/cluster/pods/default/shop-worker-0"
      try FileManager.default.removeItem(atPath: "\(root)/.kdops-container")
      let grow = try scene.forge.push(scene.fixture.resize(2), "Grow shop")
      try await scene.note(grow, phase: "done")
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0", "addnodes 1.0"])
    }
  }

  @Test(
    "apps that subscribe are notified of the end of a role and of the whole cluster",
    arguments: [false, true])
  func announcements(reverting: Bool) async throws {
    let events = ["configure", "role_upgraded", "role_reverted", "cluster_upgraded", "cluster_reverted"]
    let fixture = Fixture(.embedded, workers: 2, .init(version: "1.1", start: reverting ? "2s" : "0s"))
    var files = fixture.shop()
    files[Fixture.appPath("1.0.0")] = fixture.app("1.0.0", events: events)
    try await scenario(fixture, files) { scene in
      try await scene.configured("1.0.0")
      var change = fixture.upgrade()
      change[Fixture.appPath("1.1.0")] = fixture.app("1.1.0", events: events)
      let commit = try scene.forge.push(change, "Upgrade shop")
      guard reverting else {
        try await scene.note(commit, phase: "done")
        #expect(
          try await scene.events("shop-worker-1") == [
            "configure 1.0", "pod_upgraded 1.1", "role_upgraded 1.1", "cluster_upgraded 1.1",
          ])
        return
      }
      try await scene.note(commit, "upgrading") { $0.object("shop")?.phase == .upgrading }
      let revert = try scene.forge.revert(commit)
      try await scene.note(revert, phase: "done")
      #expect(
        try await scene.events("shop-worker-1").suffix(3) == [
          "pod_reverted 1.0", "role_reverted 1.0", "cluster_reverted 1.0",
        ])
    }
  }
}
