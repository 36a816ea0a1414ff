import ClusterAPI
import EmbeddedCluster
import GitStore
import KubeDirector
import Logging
import Testing
import Values

@testable import Daemon

@Suite("Drift of an object in the cluster", needsBubblewrap)
struct DriftScenarios {
  /// Edits the spec of `shop`, and repeats that on write conflicts.
  private static func edit(_ api: any ClusterAPI, _ scene: Scene, _ spec: JSON) async throws {
    _ = try await api.patch(.clusters, scene.name("shop"), merge: ["spec": spec])
  }

  /// Runs a daemon while another client writes. Only one process may write an embedded cluster, so both run
  /// in this process.
  private static func whileRunning(_ scene: Scene, _ body: @Sendable (any ClusterAPI) async throws -> Void)
    async throws
  {
    guard let directory = (scene.site as? EmbeddedSite)?.directory else {
      try await scene.start()
      return try await scene.site.withWriter(body)
    }
    var options = Daemon.Options(remote: try Remote(GitURL(scene.forge.bare.path)), folder: directory)
    options.reconciler.interval = .milliseconds(300)
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let daemon = try await Daemon.open(
      options, on: .embedded(options.folder, .bubblewrap, logger: logger), logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { _ = try await daemon.run() }
      try await body(daemon.backend.api)
      group.cancelAll()
    }
  }

  @Test(
    "while the daemon runs, drift is reverted, and an edited spec.app starts no upgrade",
    arguments: Backend.available)
  func running(_ backend: Backend) async throws {
    try await scenario(Fixture(backend, workers: 1), start: false) { scene in
      try await Self.whileRunning(scene) { api in
        try await scene.configured("1.0.0")
        let note = try await scene.note(try scene.forge.first(), phase: "done")
        #expect(note.report.objects.count == 2)
        let before = try await api.get(.clusters, scene.name("shop"))
        let pods = try await scene.pods()
        try await Self.edit(api, scene, ["app": "web-1.1.0", "roles": []])
        try await scene.eventually("spec as git has it") {
          try await scene.cluster()?.json["spec"] == before.json["spec"] ? true : nil
        }
        let found = try await scene.eventually("event that says so") {
          try await scene.announcements("DriftCorrected").first
        }
        #expect(found.contains(Fixture.clusterPath("shop")))
        try await staying(for: .seconds(1), "pods as they were") { try await scene.pods() == pods }
        #expect(try await scene.status()?.state == .configured)
        #expect(try await scene.status()?.app == "web-1.0.0")

        // A deleted object is created again as well.
        let app = try await scene.app("1.0.0")
        try await api.delete(.apps, scene.name("web-1.0.0"), .none)
        try await scene.eventually("app that is there again") {
          let again = try await scene.app("1.0.0")
          return again == nil || again?.uid == app?.uid ? nil : true
        }
      }
    }
  }

  @Test(
    "an old copy of the object, including its stamp, is also reverted",
    arguments: Backend.available)
  func copied(_ backend: Backend) async throws {
    try await scenario(Fixture(backend, workers: 1), start: false) { scene in
      try await Self.whileRunning(scene) { api in
        try await scene.configured("1.0.0")
        let old = try await api.get(.clusters, scene.name("shop"))
        let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
        try await scene.note(commit, phase: "done")
        let new = try await api.get(.clusters, scene.name("shop"))
        _ = try await api.patch(
          .clusters, scene.name("shop"),
          merge: [
            "metadata": ["annotations": JSON(old.annotations)], "spec": old.json["spec"] ?? [:],
          ])
        try await scene.eventually("object as git has it") {
          let now = try await scene.cluster()
          return now?.json["spec"] == new.json["spec"] && now?.annotations == new.annotations ? true : nil
        }
        try await scene.eventually("event that says so") {
          try await scene.announcements("DriftCorrected").first
        }
        try await scene.configured("1.1.0")
      }
    }
  }

  @Test("drift while no daemon runs is reverted by the next daemon", arguments: Backend.available)
  func stopped(_ backend: Backend) async throws {
    try await scenario(Fixture(backend, workers: 1)) { scene in
      try await scene.configured("1.0.0")
      let before = try await scene.cluster()
      let pods = try await scene.pods()
      try await scene.kill()
      try await scene.site.withWriter { api in
        try await Self.edit(api, scene, ["app": "web-9.9.9", "roles": []])
      }
      try await scene.start()
      try await scene.eventually("spec as git has it") {
        try await scene.cluster()?.json["spec"] == before?.json["spec"] ? true : nil
      }
      try await staying(for: .seconds(1), "pods as they were") { try await scene.pods() == pods }
      #expect(try await scene.events("shop-worker-0") == ["configure 1.0"])
    }
  }
}
