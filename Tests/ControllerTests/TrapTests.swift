import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Testing
import Values

@testable import Controller

@Suite("Traps of StatefulSets, with the engine on the embedded cluster")
struct TrapTests {
  @Test("at rest a template that somebody edits moves no pod")
  func atRest() async throws {
    try await EmbeddedEngine.with { world in
      let before = try await world.uids()
      let edit: JSON = ["spec": ["template": ["spec": ["terminationGracePeriodSeconds": 77]]]]
      _ = try await world.api.patch(.statefulSets, try await world.set("worker").objectName, merge: edit)
      await world.api.settle()
      try await world.settle()
      #expect(try await world.uids() == before)
    }
  }

  @Test("template and strategy change in one update each way, and no pod moves by it")
  func oneUpdate() async throws {
    try await EmbeddedEngine.with { world in
      let before = (try await world.set("worker"), try await world.uids())
      try await world.commit(app: "app-1.1")
      try await world.settle { $0.upgradeInfo != nil }
      let forward = try await world.set("worker")
      #expect(forward.generation == before.0.generation + 1)
      #expect(forward.json["spec"]?["template"] != before.0.json["spec"]?["template"])
      #expect(try await world.uids() == before.1)
      try await world.settle { $0.role("worker")?.members.last?.upgrade?.done == true }
      let (middle, uids) = (try await world.set("worker"), try await world.uids())
      try await world.commit(app: "app-1.0")
      try await world.settle { $0.upgradeInfo?.isRollingBack == true }
      let back = try await world.set("worker")
      #expect(back.generation == middle.generation + 1)
      #expect(back.json["spec"]?["updateStrategy"] == ["type": "OnDelete"])
      #expect(back.json["spec"]?["template"] == before.0.json["spec"]?["template"])
      #expect(try await world.uids() == uids)
    }
  }

  @Test("an upgraded pod that dies comes back new, in the middle, when its role is done, and at rest")
  func diesUpgraded() async throws {
    try await EmbeddedEngine.with { world in
      try await world.commit(app: "app-1.1")
      try await world.settle { $0.role("worker")?.members.last?.upgrade?.done == true }
      for pod in ["worker-2", "worker-0"] { try await world.delete(pod: pod) }
      #expect(try await world.image(of: "worker-0") == "worker:1.0")
      #expect(try await world.image(of: "worker-2") == "worker:1.1")
      try await world.settle { $0.role("worker")?.upgradeStatus != .upgrading }
      try await world.delete(pod: "worker-0")
      #expect(try await world.images() == ["gateway:1.0", "worker:1.1", "worker:1.1", "worker:1.1"])
      try await world.settle()
      #expect(try await world.status().state == .configured)
      try await world.delete(pod: "worker-1")
      #expect(try await world.images() == ["gateway:1.0", "worker:1.1", "worker:1.1", "worker:1.1"])
    }
  }

  @Test("a pod stuck on a bad image is freed by a revert; pods never touched are the same ones still")
  func stuck() async throws {
    try await EmbeddedEngine.with { world in
      let before = try await world.uids()
      try await world.commit(app: "app-1.2")
      try await world.settle()
      #expect(try await world.status().condition(.stalled)?.reason == "ErrImagePull")
      try await world.commit(app: "app-1.0")
      try await world.settle()
      #expect(try await world.status().state == .configured)
      #expect(try await world.status().app == "app-1.0")
      #expect(try await world.images() == ["gateway:1.0", "worker:1.0", "worker:1.0", "worker:1.0"])
      let moved = try await world.uids().filter { before[$0.key] != $0.value }
      #expect(moved.keys.sorted() == ["worker-2"])
    }
  }

  @Test("after a rollback the old revision is the current one, and a pod that dies comes back with it")
  func rolledBack() async throws {
    try await EmbeddedEngine.with { world in
      let before = try await world.uids()
      let revision = try await world.set("worker").json["status"]?["currentRevision"]
      try await world.commit(app: "app-1.1")
      try await world.settle { $0.role("worker")?.members[1].upgrade != nil }
      try await world.commit(app: "app-1.0")
      try await world.settle()
      #expect(try await world.status().state == .configured)
      let set = try await world.set("worker")
      #expect(set.json["status"]?["currentRevision"] == revision)
      #expect(set.json["spec"]?["updateStrategy"]?["type"] == "RollingUpdate")
      #expect(set.json["spec"]?["updateStrategy"]?["rollingUpdate"]?["partition"]?.integer ?? 0 > 3)
      #expect(try await world.uids()["worker-0"] == before["worker-0"])
      try await world.delete(pod: "worker-2")
      #expect(try await world.images() == ["gateway:1.0", "worker:1.0", "worker:1.0", "worker:1.0"])
    }
  }

  @Test("a webhook that rewrites images: each pod is replaced once, and the upgrade ends")
  func rewritingWebhook() async throws {
    var options = EmbeddedCluster.Options()
    options.admission = { object in
      guard object.kind == Resource.pods.kind else { return object }
      var pod = object
      let image = "mirror/\(EmbeddedEngine.image(pod))"
      pod.json["spec"]?["containers"] = [["name": "app", "image": .string(image)]]
      return pod
    }
    try await EmbeddedEngine.with(options: options) { world in
      let before = try await world.uids()
      try await world.commit(app: "app-1.1")
      var seen: [String: Set<String>] = [:]
      for _ in 0..<60 {
        for (pod, uid) in try await world.uids() { seen[pod, default: []].insert(uid) }
        guard try await world.round() else { break }
      }
      #expect(try await world.status().state == .configured)
      #expect(try await world.status().app == "app-1.1")
      #expect(seen.filter { $0.key.hasPrefix("worker") }.allSatisfy { $0.value.count == 2 })
      #expect(try await world.uids()["gateway-0"] == before["gateway-0"])
    }
  }

  @Test("the app's label follows the upgrade on live pods, and stands in no template")
  func appLabel() async throws {
    try await EmbeddedEngine.with { world in
      let before = try await world.set("gateway").json["spec"]?["template"]
      let gateway = try await world.uids()["gateway-0"]
      try await world.commit(app: "app-1.1")
      try await world.settle()
      let labels = try await world.pods().values.map { $0.label(Wire.Label.app) }
      #expect(labels.allSatisfy { $0 == "app-1.1" } && labels.count == 4)
      for role in ["worker", "gateway"] {
        let template = try await world.set(role).json["spec"]?["template"]
        #expect(template?["metadata"]?["labels"]?[Wire.Label.app] == nil)
      }
      #expect(try await world.set("gateway").json["spec"]?["template"] == before)
      #expect(try await world.uids()["gateway-0"] == gateway)
    }
  }

  @Test("a daemon with an old view is refused, and does nothing to any pod")
  func staleDaemon() async throws {
    try await EmbeddedEngine.with { world in
      try await world.commit(app: "app-1.1")
      let stale = world.secondDaemon()
      try await world.round()
      try await stale.see()
      try await world.settle { $0.role("worker")?.members.last?.upgrade?.done == true }
      try await world.commit(app: "app-1.0")
      try await world.round()
      let before = (try await world.status(), try await world.set("worker").json, try await world.uids())
      await #expect(throws: APIError.self) { try await stale.engine.reconcile(EmbeddedEngine.name) }
      await world.api.settle()
      #expect(try await world.status() == before.0)
      #expect(try await world.set("worker").json == before.1)
      #expect(try await world.uids() == before.2)
      try await world.settle()
      #expect(try await world.status().state == .configured)
      #expect(try await world.status().app == "app-1.0")
    }
  }

  @Test("daemons that take turns, each with what it last saw, come to the same end")
  func turns() async throws {
    try await EmbeddedEngine.with { world in
      try await world.commit(app: "app-1.1")
      let daemons = [world, world.secondDaemon()]
      for turn in 0..<60 {
        // The one acts on what it saw before the other's last turn.
        try? await daemons[turn % 2].engine.reconcile(EmbeddedEngine.name)
        await world.api.settle()
        try await daemons[turn % 2].see()
      }
      try await world.settle()
      #expect(try await world.status().state == .configured)
      #expect(try await world.images() == ["gateway:1.0", "worker:1.1", "worker:1.1", "worker:1.1"])
    }
  }
}
