import Foundation
import KubeDirector
import TestSupport
import Testing

/// Commands that people use while a daemon runs, in addition to git.
@Suite("Commands while a daemon runs", needsBubblewrap)
struct CommandScenarios {
  @Test("while suspended by command, no upgrade starts and no drift is corrected; resume continues both")
  func suspendAndResume() async throws {
    try await scenario(Fixture(.embedded)) { scene in
      try await scene.configured("1.0.0")
      let shop = "\(scene.name("shop"))"
      #expect(try await scene.kdops("suspend", shop).hasPrefix("\(shop) is suspended"))
      let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("upgrade that is applied") {
        try await scene.cluster()?.json["spec"]?["app"]?.string == "web-1.1.0" ? true : nil
      }
      try await staying(for: .seconds(2), "the old app, still suspended") {
        let cluster = try await scene.cluster()
        return cluster?.annotation(Wire.Annotation.suspend) == "true"
          && cluster.flatMap { ClusterStatus($0.json["status"]) }?.app == "web-1.0.0"
      }
      #expect(scene.logged("drift.corrected").isEmpty)
      #expect(try await scene.kdops("status", shop).contains("to resume: kdops resume \(shop)"))
      #expect(try await scene.kdops("resume", shop).hasPrefix("\(shop) continues where it stopped"))
      try await scene.configured("1.1.0")
      try await scene.note(commit, phase: "done")
      let history = try await scene.kdops("status", shop, "--history")
      #expect(history.contains("web-1.0.0 → web-1.1.0   upgrade   commit \(commit.prefix(7))"))
      for pod in ["shop-worker-2", "shop-worker-1", "shop-worker-0", "shop-front-0"] {
        #expect(history.contains("● \(pod)"), "\(history)")
      }
      #expect(!history.contains("shop-gateway-0"))
    }
  }

  @Test("suspension in git overrides the command, which names the file")
  func gitWins() async throws {
    try await scenario(Fixture(.embedded)) { scene in
      try await scene.configured("1.0.0")
      let shop = "\(scene.name("shop"))"
      let file = scene.fixture.cluster(app: "1.0.0").replacingOccurrences(
        of: "  name: shop\n", with: "  name: shop\n  annotations: {kdops.dev/suspend: \"true\"}\n")
      try scene.forge.push([Fixture.clusterPath("shop"): file], "Suspend shop")
      try await scene.eventually("annotation of the file") {
        try await scene.cluster()?.annotation(Wire.Annotation.suspend) == "true" ? true : nil
      }
      let error = await #expect(throws: ToolError.self) { try await scene.kdops("resume", shop) }
      #expect("\(try #require(error))".contains("git takes precedence"))
      #expect("\(try #require(error))".contains(Fixture.clusterPath("shop")))
      #expect(try await scene.cluster()?.annotation(Wire.Annotation.suspend) == "true")
    }
  }

  @Test("a failed script is run again once per request, and the upgrade continues")
  func retry() async throws {
    try await scenario(Fixture(.embedded, .init(version: "1.1", failsUpgraded: 7))) { scene in
      try await scene.configured("1.0.0")
      let shop = "\(scene.name("shop"))"
      try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      try await scene.eventually("failure of both roles") {
        try await scene.status()?.members.filter { $0.state == .configError }.count == 2 ? true : nil
      }
      let unclear = await #expect(throws: ToolError.self) { try await scene.kdops("retry", shop) }
      #expect("\(try #require(unclear))".contains("name one: kdops retry \(shop)/"))
      let retry = try await scene.kdops("retry", "\(shop)/shop-worker-2")
      #expect(retry.contains("shop-worker-2 is run again"))
      #expect(retry.contains("watch: kdops status \(shop)"))
      #expect(retry.contains("output: kdops logs \(shop)/shop-worker-2"))
      try await scene.eventually("second run") {
        try await scene.events("shop-worker-2") == ["configure 1.0", "pod_upgraded 1.1", "pod_upgraded 1.1"]
          ? true : nil
      }
      try await staying(for: .seconds(1), "no third run, and none of the other role") {
        let (asked, other) = try await (scene.events("shop-worker-2"), scene.events("shop-front-0"))
        return asked.count == 3 && other == ["pod_upgraded 1.1"]
      }
      let pod = try await scene.status()?.journal.runs.last?.pods.first { $0.pod == "shop-worker-2" }
      #expect(pod?.retries == 1)
      #expect((pod?.hook ?? 99) <= 5, "the wait for the retry is no part of the hook")
    }
  }

  @Test("sync fetches before the next interval; diff reports pending changes by its exit code")
  func syncAndDiff() async throws {
    try await scenario(Fixture(.embedded), start: false) { scene in
      try await scene.start(["--interval", "1h"])
      try await scene.configured("1.0.0")
      let clone = scene.forge.user.path
      #expect(try await scene.kdops("diff", "--repo", clone).contains("the same"))
      try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      let error = await #expect(throws: ToolError.self) { try await scene.kdops("diff", "--repo", clone) }
      #expect("\(try #require(error))".isEmpty == false)
      #expect(try await scene.kdops("sync").hasPrefix("the daemon fetches and compares now"))
      try await scene.configured("1.1.0")
      #expect(try await scene.kdops("diff", "--repo", clone).contains("the same"))
    }
  }

  @Test(
    "sync --wait and wait --for done end when the daemon has applied the commit, and fail at once without a daemon"
  )
  func waiting() async throws {
    try await scenario(Fixture(.embedded), start: false) { scene in
      try await scene.start(["--interval", "1h"])
      try await scene.configured("1.0.0")
      let (clone, shop) = (scene.forge.user.path, "\(scene.name("shop"))")
      try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
      let sync = try await scene.kdops("sync", "--wait", "--timeout", "60s")
      #expect(try await scene.status()?.app.contains("1.1.0") == true, "\(sync)")
      let done = try await scene.kdops(
        "wait", shop, "--for", "done=HEAD", "--repo", clone, "--timeout", "30s")
      #expect(done.contains("\(shop) is configured with"))
      let early = try await scene.kdops(
        "wait", shop, "--for", "done=HEAD~1", "--repo", clone, "--timeout", "30s")
      #expect(early.contains("which contains or reverts"))
      try scene.forge.push(["README.md": "A change of no cluster.\n"], "Describe the fleet")
      _ = try await scene.kdops("sync", "--wait", "--timeout", "60s")
      let unchanged = try await scene.kdops(
        "wait", shop, "--for", "done=HEAD", "--repo", clone, "--timeout", "30s")
      #expect(unchanged.contains("\(shop) is configured with"))
      try await scene.kill()
      let away = await #expect(throws: ToolError.self) { try await scene.kdops("sync") }
      #expect("\(try #require(away))".contains("no daemon runs"))
    }
  }
}
