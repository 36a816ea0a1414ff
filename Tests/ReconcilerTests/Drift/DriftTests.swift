import ClusterAPI
import EmbeddedCluster
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Drift correction", .timeLimit(.minutes(10)))
struct DriftTests {
  private static let labelled = Files.shops("shop").merging([
    "clusters/shop.yaml": Files.cluster("shop", "1.0.0", "labels: {team: a}, annotations: {note: x}")
  ]) { $1 }

  @Test("restores labels and annotations of the file that are edited or removed, and keeps foreign ones")
  func metadata() async throws {
    try await ReconcilerFixture.open(Self.labelled) { fixture in
      await fixture.cluster("shop")
      try await fixture.patch(
        "shop",
        ["metadata": ["labels": ["team": "b", "theirs": "1"], "annotations": ["note": .null]]])
      let corrected = await fixture.cluster("shop") {
        $0.label("team") == "a" && $0.annotation("note") == "x"
      }
      #expect(corrected?.label("theirs") == "1")
      await until { await fixture.recorder.putBack.isEmpty ? nil : true }
      #expect(await fixture.recorder.putBack.first == "shop")
    }
  }

  @Test("restores spec, label, annotations and stamp if all are edited at once")
  func everything() async throws {
    try await ReconcilerFixture.open(Self.labelled) { fixture in
      let before = try #require(await fixture.cluster("shop"))
      await fixture.reconciled(try fixture.user.head())
      var bare = before
      bare.json["metadata"]?["labels"] = nil
      bare.json["metadata"]?["annotations"] = nil
      bare.json["spec"]?["app"] = "web-9.9.9"
      _ = try await fixture.store.update(bare)
      let corrected = await fixture.cluster("shop") { $0.json["spec"] == before.json["spec"] }
      #expect(corrected?.labels == before.labels)
      #expect(corrected?.annotations == before.annotations)
    }
  }

  @Test("treats a retry request made in the cluster as no drift, and keeps it during a correction")
  func request() async throws {
    let files = Files.shops("shop").merging([
      "clusters/shop.yaml": Files.cluster("shop", "1.0.0", "annotations: {\(Wire.Annotation.retry): \"1\"}")
    ]) { $1 }
    try await ReconcilerFixture.open(files) { fixture in
      await fixture.cluster("shop")
      try await fixture.patch("shop", ["metadata": ["annotations": [Wire.Annotation.retry: "2"]]])
      try await fixture.patch("shop", ["spec": ["app": "web-9.9.9"]])
      let corrected = await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" }
      #expect(corrected?.annotation(Wire.Annotation.retry) == "2")
    }
  }

  @Test("recreates an object that was deleted by hand")
  func deleted() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      let before = try #require(await fixture.cluster("shop"))
      try await fixture.store.delete(.clusters, before.objectName, .none)
      let again = await fixture.cluster("shop") { $0.uid != before.uid }
      #expect(again?.json["spec"] == before.json["spec"])
    }
  }

  @Test("finds edits, deletions and surplus objects by the periodic resync if the watch missed them")
  func missed() async throws {
    let settings = Reconciler.Settings(compareInterval: .seconds(600))
    let deaf = SilentWatchAPI()
    try await ReconcilerFixture.open(
      Files.shops("shop", "depot"), settings: settings, isStill: true, wrap: { deaf.placed(before: $0) }
    ) { fixture in
      await fixture.cluster("shop")
      await fixture.cluster("depot")
      await fixture.reconciled(try fixture.user.head())
      deaf.isSilent = true
      try await fixture.patch("shop", ["spec": ["app": "web-9.9.9"]])
      let depot = try #require(await fixture.object(.clusters, "depot"))
      try await fixture.store.delete(.clusters, depot.objectName, .none)
      var stray = depot
      stray.json["metadata"] = ["name": "stray", "namespace": "default", "labels": JSON(depot.labels)]
      _ = try await fixture.store.create(stray)
      #expect(await fixture.object(.clusters, "shop")?.json["spec"]?["app"]?.string == "web-9.9.9")

      fixture.clock.advance(by: .seconds(600))
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" }
      await fixture.cluster("depot") { $0.uid != depot.uid }
      await until {
        await fixture.reconciler.blocked.contains { $0.key.name == "stray" && $0.value.verdict == .orphaned }
          ? true : nil
      }
    }
  }

  @Test("writes and evaluates nothing in the periodic resync if there is no drift")
  func idle() async throws {
    let settings = Reconciler.Settings(compareInterval: .seconds(600))
    let stubborn = MutatingWebhookAPI(isInactive: true)
    try await ReconcilerFixture.open(
      Files.shops("shop"), settings: settings, isStill: true, wrap: { stubborn.placed(before: $0) }
    ) { fixture in
      await fixture.cluster("shop")
      await fixture.reconciled(try fixture.user.head())
      let writes = stubborn.writes
      await fixture.reconciler.resync()
      #expect(await !fixture.reconciler.hasPending)
      #expect(await fixture.reconciler.drifted.isEmpty)
      #expect(stubborn.writes == writes)
    }
  }
}
