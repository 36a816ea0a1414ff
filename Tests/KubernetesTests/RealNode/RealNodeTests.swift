import ClusterAPI
import KubeDirector
import Testing
import Values

@testable import Kubernetes

@Suite("Against a real Kubernetes", .enabled(if: RealNode.isThere, "KUBECONFIG_FOR_TESTS names none"))
struct RealNodeTests {
  @Test("the server returns its version, and the certificate identifies the client")
  func check() async throws {
    try await RealNode.connected(RealNode.options) { client in
      let version = try await client.check()
      #expect(version.hasPrefix("v1."))
      #expect(client.identity != nil)
    }
  }

  @Test("an object is created, found, changed and deleted")
  func objects() async throws {
    try await RealNode.with { client, namespace in
      let name = ObjectName(namespace: namespace, name: "db")
      let made = try await client.create(RealNode.service("db", in: namespace, labels: ["role": "worker"]))
      #expect(!made.uid.isEmpty && made.kind == "Service")
      let again = try await failure { try await client.create(RealNode.service("db", in: namespace)) }
      #expect(again.kind == .alreadyExists)

      let listed = try await client.list(.services, namespace: namespace, labels: ["role": "worker"])
      #expect(listed.items == [made])
      let others = try await client.list(.services, namespace: namespace, labels: ["role": "gateway"])
      #expect(others.items.isEmpty && !others.resourceVersion.isEmpty)

      let merged = try await client.patch(.services, name, merge: ["metadata": ["annotations": ["a": "1"]]])
      #expect(merged.annotation("a") == "1" && merged.label("role") == "worker")
      let stepped = try await client.patch(
        .services, name,
        json: [
          ["op": "test", "path": "/metadata/annotations/a", "value": "1"],
          ["op": "replace", "path": "/metadata/annotations/a", "value": "2"],
        ])
      #expect(stepped.annotation("a") == "2")
      let refused = try await failure {
        try await client.patch(
          .services, name, json: [["op": "test", "path": "/metadata/annotations/a", "value": "1"]])
      }
      #expect(refused.kind == .invalid)

      try await client.delete(.services, name, Preconditions(uid: made.uid))
      let gone = try await failure { try await client.get(.services, name) }
      #expect(gone.kind == .notFound)
      #expect(gone.message == "services \(namespace)/db does not exist")
    }
  }

  @Test("an update, patch or deletion based on an old version is refused")
  func preconditions() async throws {
    try await RealNode.with { client, namespace in
      let name = ObjectName(namespace: namespace, name: "db")
      let old = try await client.create(RealNode.service("db", in: namespace))
      _ = try await client.patch(.services, name, merge: ["metadata": ["labels": ["a": "1"]]])
      let stale: JSON = ["metadata": ["resourceVersion": .string(old.resourceVersion), "labels": ["a": "2"]]]
      let refusals = [
        try await failure { try await client.update(old) },
        try await failure { try await client.patch(.services, name, merge: stale) },
        try await failure {
          try await client.delete(.services, name, Preconditions(resourceVersion: old.resourceVersion))
        },
        try await failure {
          try await client.delete(.services, name, Preconditions(uid: "00000000-0000-0000-0000-000000000000"))
        },
      ]
      #expect(refusals.map(\.kind) == Array(repeating: .conflict, count: 4))
      let kept = try await client.get(.services, name)
      #expect(kept.label("a") == "1")
    }
  }

  @Test("the status of a custom resource is written separately from its spec")
  func status() async throws {
    try await RealNode.with { client, namespace in
      try await RealNode.installCustomResources(client)
      let spec: JSON = [
        "app": "spark",
        "roles": [["id": "w", "members": 1, "resources": ["limits": ["memory": "1Gi", "cpu": "1"]]]],
      ]
      let name = ObjectName(namespace: namespace, name: "db")
      _ = try await client.create(
        Object(.clusters, namespace: namespace, name: "db", content: ["spec": spec]))
      let reported = try await change(client, name, { try await client.updateStatus($0) }) { cluster in
        cluster.json["status"] = ["state": "creating"]
        cluster.json["spec"]?["app"] = "other"
      }
      #expect(reported.after.json["status"]?["state"]?.string == "creating")
      #expect(reported.after.json["spec"] == reported.before.json["spec"])
      #expect(reported.after.generation == reported.before.generation)

      let updated = try await change(client, name, { try await client.update($0) }) { cluster in
        cluster.json["status"] = ["state": "configured"]
        cluster.json["spec"]?["app"] = "spark-1.1"
      }
      #expect(updated.after.json["status"] == updated.before.json["status"])
      #expect(updated.after.json["spec"]?["app"]?.string == "spark-1.1")
      #expect(updated.after.generation > updated.before.generation)

      let invalid = try await failure {
        try await client.patch(.clusters, name, merge: ["spec": ["roles": "none"]])
      }
      #expect(invalid.kind == .invalid)
    }
  }

  /// Reads, changes and writes, and repeats that after a conflict with another client.
  private func change(
    _ client: KubernetesClient, _ name: ObjectName, _ write: (Object) async throws -> Object,
    _ body: (inout Object) -> Void
  ) async throws -> (before: Object, after: Object) {
    for _ in 0..<10 {
      let before = try await client.get(.clusters, name)
      var wanted = before
      body(&wanted)
      do {
        return (before, try await write(wanted))
      } catch let error as APIError where error.kind == .conflict {
        continue
      }
    }
    throw APIError(.conflict, "\(name) changes all the time")
  }

  @Test("a watch delivers every change after the list, in order")
  func watch() async throws {
    try await RealNode.with { client, namespace in
      let name = ObjectName(namespace: namespace, name: "db")
      let list = try await client.list(.services, namespace: namespace, labels: ["role": "worker"])
      let made = try await client.create(RealNode.service("db", in: namespace, labels: ["role": "worker"]))
      _ = try await client.create(RealNode.service("other", in: namespace))
      let patched = try await client.patch(.services, name, merge: ["metadata": ["annotations": ["a": "1"]]])
      try await client.delete(.services, name, .none)

      var seen: [WatchEvent] = []
      let events = client.watch(
        .services, namespace: namespace, labels: ["role": "worker"], after: list.resourceVersion)
      for try await event in events {
        if case .bookmark = event { continue }
        seen.append(event)
        if seen.count == 3 { break }
      }
      #expect(seen.prefix(2) == [.added(made), .modified(patched)])
      guard case .deleted(let last) = try #require(seen.last) else {
        Issue.record("the deletion was not reported")
        return
      }
      #expect(last.uid == made.uid)
    }
  }

  @Test("a version that the server has forgotten causes the error gone")
  func gone() async throws {
    try await RealNode.connected(RealNode.options) { client in
      // A server stores versions of a kind only since it was installed, which is recent for these kinds.
      try await RealNode.installCustomResources(client)
      do {
        for try await _ in client.watch(.clusters, namespace: nil, labels: .everything, after: "1") {}
        Issue.record("a watch from the first version ended without an error")
      } catch let error as APIError {
        #expect(error.kind == .gone)
      }
    }
  }

  @Test("server-side apply shares fields, and takes over fields of another manager only with force")
  func apply() async throws {
    try await RealNode.with { client, namespace in
      func wanted(_ portName: String) -> Object {
        var service = RealNode.service("db", in: namespace)
        service.json["spec"] = [
          "clusterIP": "None", "ports": [["name": .string(portName), "port": 80, "protocol": "TCP"]],
        ]
        return service
      }
      _ = try await client.apply(wanted("http"), manager: "one")
      _ = try await client.apply(wanted("http"), manager: "two")
      let error = try await failure { try await client.apply(wanted("web"), manager: "two") }
      #expect(error.kind == .conflict)
      let taken = try await client.apply(wanted("web"), manager: "two", force: true)
      #expect(taken.json["spec"]?["ports"]?[0]?["name"]?.string == "web")
    }
  }

  @Test(
    "disruption budgets, claims and events work in the client's versions, whatever versions the server has")
  func otherKinds() async throws {
    try await RealNode.with { client, namespace in
      let budget = try await client.create(
        Object(
          .disruptionBudgets, namespace: namespace, name: "db",
          content: ["spec": ["maxUnavailable": 1, "selector": ["matchLabels": ["app": "db"]]]]))
      #expect(budget.apiVersion == "policy/v1")
      let listed = try await client.list(.disruptionBudgets, namespace: namespace, labels: .everything)
      #expect(listed.items.map(\.name) == ["db"] && listed.items.map(\.apiVersion) == ["policy/v1"])

      let claim = try await client.create(
        Object(
          .volumeClaims, namespace: namespace, name: "p-db-0",
          content: [
            "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Mi"]]]
          ]))
      #expect(claim.json["spec"]?["resources"]?["requests"]?["storage"]?.string == "1Mi")

      let event = try await client.create(
        Object(
          .events, namespace: namespace, name: "db.1",
          content: [
            "involvedObject": ["kind": "Service", "namespace": .string(namespace), "name": "db"],
            "reason": "Upgrading", "message": "spark to spark-1.1", "type": "Normal",
          ]))
      #expect(event.json["reason"]?.string == "Upgrading")
    }
  }
}
