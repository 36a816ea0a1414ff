import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Testing
import Values

@testable import Controller

@Suite("Traps of StatefulSets, with the engine on the embedded cluster")
struct TrapTests {
  @Test("moves no pod if a template is edited while the cluster is configured")
  func atRest() async throws {
    try await EmbeddedEngine.with { cache in
      let before = try await cache.uids()
      let edit: JSON = ["spec": ["template": ["spec": ["terminationGracePeriodSeconds": 77]]]]
      _ = try await cache.api.patch(.statefulSets, try await cache.set("worker").objectName, merge: edit)
      await cache.api.settle()
      try await cache.settle()
      #expect(try await cache.uids() == before)
    }
  }

  @Test("removes fields from a template with the next upgrade if they are no longer wanted")
  func removedFields() async throws {
    try await EmbeddedEngine.with { cache in
      let fields: JSON = [
        "serviceAccountName": "admin", "volumes": [["name": "secret", "secret": ["secretName": "keys"]]],
      ]
      _ = try await cache.api.patch(
        .statefulSets, try await cache.set("worker").objectName,
        merge: ["spec": ["template": ["metadata": ["annotations": ["a": "b"]], "spec": fields]]])
      await cache.api.settle()
      try await cache.settle()
      try await cache.commit(app: "app-1.1")
      try await cache.settle()
      let template = try await cache.set("worker").json["spec"]?["template"]
      #expect(template?["metadata"]?["annotations"] == nil)
      #expect(template?["spec"]?["serviceAccountName"] == nil && template?["spec"]?["volumes"] == nil)
    }
  }

  @Test("changes template and strategy in one update each way, which moves no pod")
  func oneUpdate() async throws {
    try await EmbeddedEngine.with { cache in
      let before = (try await cache.set("worker"), try await cache.uids())
      try await cache.commit(app: "app-1.1")
      try await cache.settle { $0.upgradeInfo != nil }
      let forward = try await cache.set("worker")
      #expect(forward.generation == before.0.generation + 1)
      #expect(forward.json["spec"]?["template"] != before.0.json["spec"]?["template"])
      #expect(try await cache.uids() == before.1)
      try await cache.settle { $0.role("worker")?.members.last?.upgrade?.done == true }
      let (middle, uids) = (try await cache.set("worker"), try await cache.uids())
      try await cache.commit(app: "app-1.0")
      try await cache.settle { $0.upgradeInfo?.isRollingBack == true }
      let back = try await cache.set("worker")
      #expect(back.generation == middle.generation + 1)
      #expect(back.json["spec"]?["updateStrategy"] == ["type": "OnDelete"])
      #expect(back.json["spec"]?["template"] == before.0.json["spec"]?["template"])
      #expect(try await cache.uids() == uids)
    }
  }

  @Test(
    "recreates a failed upgraded pod with the new image during the upgrade, when its role is done, and later")
  func diesUpgraded() async throws {
    try await EmbeddedEngine.with { cache in
      try await cache.commit(app: "app-1.1")
      try await cache.settle { $0.role("worker")?.members.last?.upgrade?.done == true }
      for pod in ["worker-2", "worker-0"] { try await cache.delete(pod: pod) }
      #expect(try await cache.image(of: "worker-0") == "worker:1.0")
      #expect(try await cache.image(of: "worker-2") == "worker:1.1")
      try await cache.settle { $0.role("worker")?.upgradeStatus != .upgrading }
      try await cache.delete(pod: "worker-0")
      #expect(try await cache.images() == ["gateway:1.0", "worker:1.1", "worker:1.1", "worker:1.1"])
      try await cache.settle()
      #expect(try await cache.status().state == .configured)
      try await cache.delete(pod: "worker-1")
      #expect(try await cache.images() == ["gateway:1.0", "worker:1.1", "worker:1.1", "worker:1.1"])
    }
  }

  @Test("frees a pod stuck on a bad image by a revert, and keeps untouched pods")
  func stuck() async throws {
    try await EmbeddedEngine.with { cache in
      let before = try await cache.uids()
      try await cache.commit(app: "app-1.2")
      try await cache.settle()
      #expect(try await cache.status().condition(.stalled)?.reason == "ErrImagePull")
      try await cache.commit(app: "app-1.0")
      try await cache.settle()
      #expect(try await cache.status().state == .configured)
      #expect(try await cache.status().app == "app-1.0")
      #expect(try await cache.images() == ["gateway:1.0", "worker:1.0", "worker:1.0", "worker:1.0"])
      let moved = try await cache.uids().filter { before[$0.key] != $0.value }
      #expect(moved.keys.sorted() == ["worker-2"])
    }
  }

  @Test("recreates a failed pod with the old revision after a rollback, because that is current again")
  func rolledBack() async throws {
    try await EmbeddedEngine.with { cache in
      let before = try await cache.uids()
      let revision = try await cache.set("worker").json["status"]?["currentRevision"]
      try await cache.commit(app: "app-1.1")
      try await cache.settle { $0.role("worker")?.members[1].upgrade != nil }
      try await cache.commit(app: "app-1.0")
      try await cache.settle()
      #expect(try await cache.status().state == .configured)
      let set = try await cache.set("worker")
      #expect(set.json["status"]?["currentRevision"] == revision)
      #expect(set.json["spec"]?["updateStrategy"]?["type"] == "RollingUpdate")
      #expect(set.json["spec"]?["updateStrategy"]?["rollingUpdate"]?["partition"]?.integer ?? 0 > 3)
      #expect(try await cache.uids()["worker-0"] == before["worker-0"])
      try await cache.delete(pod: "worker-2")
      #expect(try await cache.images() == ["gateway:1.0", "worker:1.0", "worker:1.0", "worker:1.0"])
    }
  }

  @Test("replaces each pod once and ends the upgrade if a webhook rewrites images")
  func rewritingWebhook() async throws {
    var options = EmbeddedCluster.Options()
    options.admission = { object in
      guard object.kind == Resource.pods.kind else { return object }
      var pod = object
      let image = "mirror/\(EmbeddedEngine.image(pod))"
      pod.json["spec"]?["containers"] = [["name": "app", "image": .string(image)]]
      return pod
    }
    try await EmbeddedEngine.with(options: options) { cache in
      let before = try await cache.uids()
      try await cache.commit(app: "app-1.1")
      var seen: [String: Set<String>] = [:]
      for _ in 0..<60 {
        for (pod, uid) in try await cache.uids() { seen[pod, default: []].insert(uid) }
        guard try await cache.step() else { break }
      }
      #expect(try await cache.status().state == .configured)
      #expect(try await cache.status().app == "app-1.1")
      #expect(seen.filter { $0.key.hasPrefix("worker") }.allSatisfy { $0.value.count == 2 })
      #expect(try await cache.uids()["gateway-0"] == before["gateway-0"])
    }
  }

  @Test("updates the app label on live pods during the upgrade, but in no template")
  func appLabel() async throws {
    try await EmbeddedEngine.with { cache in
      let before = try await cache.set("gateway").json["spec"]?["template"]
      let gateway = try await cache.uids()["gateway-0"]
      try await cache.commit(app: "app-1.1")
      try await cache.settle()
      let labels = try await cache.pods().values.map { $0.label(Wire.Label.app) }
      #expect(labels.allSatisfy { $0 == "app-1.1" } && labels.count == 4)
      for role in ["worker", "gateway"] {
        let template = try await cache.set(role).json["spec"]?["template"]
        #expect(template?["metadata"]?["labels"]?[Wire.Label.app] == nil)
      }
      #expect(try await cache.set("gateway").json["spec"]?["template"] == before)
      #expect(try await cache.uids()["gateway-0"] == gateway)
    }
  }

  @Test("refuses a daemon with an outdated view, which changes no pod")
  func staleDaemon() async throws {
    try await EmbeddedEngine.with { cache in
      try await cache.commit(app: "app-1.1")
      let stale = cache.secondDaemon()
      try await cache.step()
      try await stale.see()
      try await cache.settle { $0.role("worker")?.members.last?.upgrade?.done == true }
      try await cache.commit(app: "app-1.0")
      try await cache.step()
      let before = (try await cache.status(), try await cache.set("worker").json, try await cache.uids())
      await #expect(throws: APIError.self) { try await stale.engine.reconcile(EmbeddedEngine.name) }
      await cache.api.settle()
      #expect(try await cache.status() == before.0)
      #expect(try await cache.set("worker").json == before.1)
      #expect(try await cache.uids() == before.2)
      try await cache.settle()
      #expect(try await cache.status().state == .configured)
      #expect(try await cache.status().app == "app-1.0")
    }
  }

  @Test("reaches the same end if daemons alternate, each with an outdated view")
  func turns() async throws {
    try await EmbeddedEngine.with { cache in
      try await cache.commit(app: "app-1.1")
      let daemons = [cache, cache.secondDaemon()]
      for turn in 0..<60 {
        // One daemon acts on its view from before the other's last turn.
        try? await daemons[turn % 2].engine.reconcile(EmbeddedEngine.name)
        await cache.api.settle()
        try await daemons[turn % 2].see()
      }
      try await cache.settle()
      #expect(try await cache.status().state == .configured)
      #expect(try await cache.images() == ["gateway:1.0", "worker:1.1", "worker:1.1", "worker:1.1"])
    }
  }
}
