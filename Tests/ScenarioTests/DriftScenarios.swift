import ClusterAPI
import EmbeddedCluster
import GitStore
import KubeDirector
import Logging
import Testing
import Values

@testable import kdops

@Suite("Somebody edits an object in the cluster", needsBubblewrap)
struct DriftScenarios {
  private static let shop = ObjectName(namespace: "default", name: "shop")

  /// Edits the spec of `shop`, whatever others write meanwhile.
  private static func edit(_ api: any ClusterAPI, _ spec: JSON) async throws {
    _ = try await api.patch(.clusters, shop, merge: ["spec": spec])
  }

  private static func isBack(_ api: any ClusterAPI, _ before: Object) async throws -> Bool? {
    try await api.get(.clusters, shop).json["spec"] == before.json["spec"] ? true : nil
  }

  @Test("while the daemon runs: it is put back, and an edited spec.app starts nothing")
  func running() async throws {
    try await scenario(Fixture.shop(workers: 1), start: false) { scene in
      var options = Daemon.Options(remote: try Remote(GitURL(scene.forge.bare.path)), folder: scene.directory)
      options.interval = .milliseconds(300)
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let backend = try await Backend.embedded(options.folder, .bubblewrap, logger: logger)
      let daemon = try await Daemon.open(options, on: backend, logger: logger)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { _ = try await daemon.run() }
        try await scene.configured("1.0.0")
        let before = try await daemon.backend.api.get(.clusters, Self.shop)
        let pods = try await scene.pods()
        try await Self.edit(daemon.backend.api, ["app": "web-1.1.0", "roles": []])
        try await eventually("spec as git has it") { try await Self.isBack(daemon.backend.api, before) }
        let note = try await scene.note(try scene.forge.first(), phase: "done")
        #expect(note.report.objects.count == 2)
        try await eventually("event that says so") {
          try await daemon.backend.api.list(.events, namespace: "default", labels: .everything).items.first {
            $0.json["reason"] == "DriftMended" && $0.json["involvedObject"]?["name"] == "shop"
          }
        }
        try await staying(for: .seconds(1), "pods as they were") { try await scene.pods() == pods }
        #expect(try await scene.status()?.state == .configured)
        #expect(try await scene.status()?.app == "web-1.0.0")

        // An object that is gone comes back as well.
        try await daemon.backend.api.delete(.apps, ObjectName(namespace: "default", name: "web-1.0.0"), .none)
        try await eventually("app that is there again") { try await scene.app("1.0.0") == nil ? nil : true }
        group.cancelAll()
      }
    }
  }

  @Test("while no daemon runs: the next one puts it back")
  func stopped() async throws {
    try await scenario(Fixture.shop(workers: 1)) { scene in
      let before = try await eventually("shop configured") {
        try await scene.status()?.state == .configured ? try await scene.cluster() : nil
      }
      let pods = try await scene.pods()
      try await scene.kill()
      do {
        let cluster = try await EmbeddedCluster.open(
          directory: scene.directory, sandbox: .noScripts, catalog: ImageCatalog([]),
          logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await Self.edit(cluster, ["app": "web-9.9.9", "roles": []])
      }
      try await scene.start()
      try await eventually("spec as git has it") {
        try await scene.cluster()?.json["spec"] == before.json["spec"] ? true : nil
      }
      try await staying(for: .seconds(1), "pods as they were") { try await scene.pods() == pods }
      #expect(scene.events("shop-worker-0") == ["configure 1.0"])
    }
  }
}
