import Foundation
import KubeDirector
import Reports
import TestSupport
import Testing

@Suite("Commits at difficult moments", needsBubblewrap)
struct HistoryScenarios {
  @Test("a revert pushed while no daemon runs rolls back the running upgrade")
  func revertWhileDown() async throws {
    try await scenario(Fixture(.embedded, workers: 2, .init(version: "1.1", start: "5s"))) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("worker that is claimed") {
        try await scene.status()?.role("worker")?.members.last?.upgrade == nil ? nil : true
      }
      try await scene.kill()
      let revert = try scene.forge.revert(commit)
      try await scene.start()
      let note = try await scene.note(revert, phase: "done")
      #expect(note.object("shop")?.change == .rollback)
      try await scene.configured("1.0.0")
      #expect(scene.forge.note(commit)?.object("shop")?.message == "rolled back by \(revert.prefix(7))")
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
      #expect(try await scene.events("shop-worker-1").last == "pod_reverted 1.0")
      try await scene.mustHaveRunOnce(["shop-worker-0", "shop-worker-1", "shop-front-0"])
    }
  }

  @Test("a revert of the revert waits for the rollback; then the upgrade runs, and its app is still there")
  func revertOfRevert() async throws {
    try await scenario(
      Fixture(.embedded, workers: 1, .init(version: "1.0", hook: "6"), .init(version: "1.1", hook: "3"))
    ) { scene in
      try await scene.configured("1.0.0")
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("hook that runs") {
        try await scene.runs("shop-worker-0").last?.event == "pod_upgraded" ? true : nil
      }
      let revert = try scene.forge.revert(commit)
      try await scene.eventually("rollback that runs") {
        try await scene.status()?.upgradeInfo?.isRollingBack == true ? true : nil
      }
      let again = try scene.forge.revert(revert)
      let waiting = try await scene.note(again, phase: "waiting")
      #expect(waiting.object("shop")?.rules == ["rollback/once"])
      try await scene.note(again, phase: "done")
      try await scene.configured("1.1.0")
      #expect(try await scene.app("1.1.0") != nil)
      let old = try await scene.note(revert, "closed") { $0.object("web-1.1.0")?.phase == .failed }
      #expect(old.object("shop")?.phase == .done)
      #expect(old.object("web-1.1.0")?.message?.hasPrefix("withdrawn by \(again.prefix(7))") == true)
      #expect(
        try await scene.events("shop-worker-0") == [
          "configure 1.0", "pod_upgraded 1.1", "pod_reverted 1.0", "pod_upgraded 1.1",
        ])
      try await scene.mustHaveRunOnce(["shop-worker-0", "shop-front-0"])
    }
  }

  @Test("an upgrade pushed while members are added waits for them")
  func upgradeBehindResize() async throws {
    try await scenario(Fixture(.embedded, workers: 1, .init(version: "1.0", start: "5s"))) { scene in
      try await scene.configured("1.0.0")
      let grow = try scene.forge.push(
        scene.fixture.resize(2), "Grow shop")
      try await scene.eventually("member that comes") {
        try await scene.status()?.state == .updating ? true : nil
      }
      let commit = try scene.forge.push(scene.fixture.upgrade(workers: 2), "Upgrade shop")
      let waiting = try await scene.note(commit, phase: "waiting")
      #expect(waiting.object("shop")?.rules == ["upgrade/configured"])
      try await scene.note(commit, phase: "done")
      #expect(scene.forge.note(grow)?.phase == "done")
      #expect(try await scene.events("shop-worker-1") == ["configure 1.0", "pod_upgraded 1.1"])
    }
  }

  @Test(
    "a moved file is neither a deletion nor a change; later changes are attributed to the right commit"
  )
  func movedFile() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.cluster()
      let moved = try scene.forge.push(
        [
          Fixture.clusterPath("shop"): nil,
          "clusters/team/shop.yml": scene.fixture.cluster(app: "1.0.0"),
        ], "Move shop")
      try await scene.eventually("fetch of it") {
        scene.logged("head.fetched").contains { $0.contains(moved.prefix(7)) } ? true : nil
      }
      let removed = try scene.forge.push(["clusters/team/shop.yml": nil], "Remove shop")
      let note = try await scene.note(removed, "written") { $0.object("shop") != nil }
      #expect(note.object("shop")?.verdict == .orphaned)
      #expect(scene.forge.note(moved) == nil)
      let after = try #require(try await scene.cluster())
      #expect(after.json["spec"] == before?.json["spec"])
      #expect(after.json["status"] == before?.json["status"])
      #expect(after.annotation(Wire.Annotation.commit) == before?.annotation(Wire.Annotation.commit))
      #expect(after.annotation(Wire.Annotation.path) == "clusters/team/shop.yml")
    }
  }

  @Test("invalid settings block everything; once fixed, everything continues")
  func brokenSettings() async throws {
    try await scenario(Fixture(.embedded, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.cluster()
      var change = scene.fixture.upgrade()
      change[".kdops.yaml"] = "schemaVersion: 1\nclusters: nowhere\n"
      let commit = try scene.forge.push(change, "Upgrade shop, break the settings")
      let note = try await scene.note(commit, phase: "rejected")
      #expect(note.object(".kdops.yaml")?.message?.hasPrefix("line 2, column ") == true)
      try await staying(for: .seconds(1), "cluster as it was") { try await scene.cluster() == before }
      let fixed = try scene.forge.push(scene.fixture.base(), "Fix the settings")
      try await scene.note(commit, "taken up") { $0.object("shop")?.phase == .done }
      try await scene.configured("1.1.0")
      #expect(scene.forge.note(fixed) == nil)
    }
  }

  @Test("a daemon that starts before the first commit creates the cluster when that is pushed")
  func emptyForge() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      let bare = scene.forge.bare
      let first = try scene.forge.first()
      try bare.git("update-ref", "-d", "refs/heads/main")
      try await scene.start()
      try await scene.eventually("word of it in the log") {
        scene.logged("git.fetch.failed").contains { $0.contains("missingBranch") } ? true : nil
      }
      try bare.git("update-ref", "refs/heads/main", first)
      try await scene.note(first, phase: "done")
    }
  }

  @Test("a repository that refuses the daemon's refs is reported at intervals, and blocks nothing")
  func refusedNotes() async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      try scene.forge.bare.setHook(
        "update", "case $1 in refs/heads/*) exit 0 ;; esac; echo not here >&2; exit 1")
      try await scene.start()
      try await scene.configured("1.0.0")
      try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.configured("1.1.0")
      try await scene.eventually("word of it in the log") {
        scene.logged("status.publish.failed").isEmpty ? nil : true
      }
      #expect(scene.logged("status.publish.failed").count < 10)
    }
  }
}
