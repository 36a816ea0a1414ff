import ClusterAPI
import KubeDirector
import Reports
import Rules
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Adoption of existing objects", .timeLimit(.minutes(10)))
struct AdoptionTests {
  private static let start = Files.shops("model").merging([
    "apps/1.1.0.json": Files.app("1.1.0"), "apps/0.9.0.json": Files.app("0.9.0"),
  ]) { $1 }

  private static func old(_ version: String, members: Int = 1, adopts: Bool = true) -> [String: String?] {
    let annotations = "annotations: {\(Wire.Annotation.adopt): \"true\"}"
    return ["clusters/old.yaml": Files.cluster("old", version, members: members, adopts ? annotations : "")]
  }

  private static let role = RoleStatus(
    id: "worker", statefulSet: "old-worker",
    members: [MemberStatus(pod: "old-worker-0", nodeID: 1, state: .configured, app: "web-1.0.0")])

  /// A cluster `old` that was created by hand, with the app in version 1.0.0 and one member.
  private static func open(
    state: ClusterStatus.State? = .configured, _ body: @Sendable (ReconcilerFixture) async throws -> Void
  ) async throws {
    try await ReconcilerFixture.open(start) { fixture in
      let model = try await fixture.engine("model")
      _ = try await fixture.store.create(
        Object(
          .clusters, namespace: "default", name: "old", labels: ["theirs": "1"],
          content: ["spec": model.json["spec"] ?? .null]))
      if let state { try await fixture.engine("old", state, roles: [role]) }
      await fixture.cluster("old")
      await fixture.rest()
      try await body(fixture)
    }
  }

  @Test("adopts an object that equals its file without changing it, and keeps foreign labels")
  func asItIs() async throws {
    try await Self.open(state: .updating) { fixture in
      let before = try #require(await fixture.object(.clusters, "old"))
      let commit = try await fixture.push(Self.old("1.0.0"))
      let old = await fixture.cluster("old") { $0.label(Wire.Label.source) == "default" }
      #expect(old?.json["spec"] == before.json["spec"] && old?.uid == before.uid)
      #expect(old?.label("theirs") == "1")
      #expect(old?.annotation(Wire.Annotation.commit) == commit)
      await fixture.report(commit, "old") { $0.verdict == .accepted }
    }
  }

  @Test("compares with the live object on adoption: a newer app is an upgrade, an older one is rejected")
  func upgrade() async throws {
    try await Self.open { fixture in
      let older = try await fixture.push(Self.old("0.9.0"))
      #expect(await fixture.report(older, "old")?.rules == ["upgrade/newer"])
      #expect(await fixture.object(.clusters, "old")?.label(Wire.Label.source) == nil)
      try await fixture.push(Self.old("1.1.0"))
      let old = await fixture.cluster("old") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      #expect(old?.annotation(Wire.Annotation.change) == "upgrade")
    }
  }

  @Test("rejects an adoption that changes read-only fields of existing members")
  func members() async throws {
    try await Self.open { fixture in
      let text = Self.old("1.0.0")["clusters/old.yaml"]??.replacing("64Mi", with: "128Mi")
      let commit = try await fixture.push(["clusters/old.yaml": text])
      #expect(await fixture.report(commit, "old")?.rules == ["cluster/role-read-only"])
    }
  }

  @Test("applies the file to an adopted cluster that no engine has reconciled yet")
  func untouched() async throws {
    try await Self.open(state: nil) { fixture in
      try await fixture.push(Self.old("1.1.0", members: 2))
      let old = await fixture.cluster("old") { $0.label(Wire.Label.source) == "default" }
      #expect(old?.json["spec"]?["app"]?.string == "web-1.1.0")
    }
  }

  @Test("rejects the adoption of an app that a running cluster uses, unless the app is unchanged")
  func app() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      // An app is created by hand, and a cluster from git uses it.
      let app = try JSON.parse(Array(Files.app("2.0.0").utf8))
      let other = Object(
        .apps, namespace: "default", name: "web-2.0.0", content: ["spec": app["spec"] ?? .null])
      _ = try await fixture.store.create(other)
      await until { await fixture.reconciler.liveState.objects[other.reference] }
      let cluster = try await fixture.push(["clusters/late.yaml": Files.cluster("late", "2.0.0")])
      await fixture.cluster("late")
      try await fixture.engine("late")
      await fixture.reconciled(cluster)
      func file(_ image: String) -> String {
        Files.app("2.0.0", image: image).replacing(
          "\"name\": \"web-2.0.0\"",
          with: "\"name\": \"web-2.0.0\", \"annotations\": {\"\(Wire.Annotation.adopt)\": \"true\"}")
      }
      let bad = try await fixture.push(["apps/2.0.0.json": file("changed")])
      #expect(await fixture.report(bad, "web-2.0.0")?.rules == ["app/in-use"])
      #expect(await fixture.object(.apps, "web-2.0.0")?.label(Wire.Label.source) == nil)
      let good = try await fixture.push(["apps/2.0.0.json": file("2.0.0")])
      await fixture.report(good, "web-2.0.0") { $0.verdict == .accepted }
      #expect(await fixture.object(.apps, "web-2.0.0")?.label(Wire.Label.source) == "default")
    }
  }
}
