import ClusterAPI
import GitStore
import KubeDirector
import Reports
import Rules
import Testing
import Values

@testable import Reconciler

@Suite("Requests without a response from the cluster", .timeLimit(.minutes(10)))
struct LostAnswerTests {
  /// Waits until the reconciler reports changes without delay.
  private static func reportsAtOnce(_ fixture: ReconcilerFixture) async {
    await fixture.rest()
    await until { await fixture.reconciler.areReportsDelayed ? nil : true }
  }

  @Test("keeps the commit waiting, and says in its note that the request is retried")
  func isReportObserver() async throws {
    let api = LostResponseAPI(performs: false)
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      try await fixture.engine("shop")
      await Self.reportsAtOnce(fixture)
      api.loseResponses(for: .max)
      let commit = try await fixture.push(Files.upgradeOfShop)
      let report = await fixture.report(commit, "shop")
      #expect(report?.phase == .waiting && report?.change == .upgrade)
      #expect(
        report?.message == "the cluster gave no answer: the connection was cut; it is retried automatically")
      api.loseResponses(for: 0)
      await fixture.report(commit, "shop") { $0.verdict == .accepted }
      #expect(await fixture.reconciler.blocked.isEmpty)
    }
  }

  @Test("report the result of an upgrade, whether or not it was executed", arguments: [true, false])
  func upgrade(isDone: Bool) async throws {
    let api = LostResponseAPI(performs: isDone)
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      try await fixture.engine("shop")
      await Self.reportsAtOnce(fixture)
      api.loseResponses()
      let commit = try await fixture.push(Files.upgradeOfShop)
      await fixture.report(commit, "shop") { $0.verdict == .accepted }
      try await fixture.engine("shop")
      let end = await fixture.report(commit, "shop") { $0.phase == .done }
      #expect(end?.change == .upgrade)
      #expect(await fixture.recorder.phases[commit]?.filter { $0 == .done } == [.done])
    }
  }

  @Test("report the result of a creation, whether or not it was executed", arguments: [true, false])
  func creation(isDone: Bool) async throws {
    let api = LostResponseAPI(performs: isDone)
    api.loseResponses()
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      let commit = try fixture.user.head()
      try await fixture.engine("shop")
      let end = await fixture.report(commit, "shop") { $0.phase == .done }
      #expect(end?.change == .create)
      #expect(await fixture.recorder.phases[commit]?.filter { $0 == .done } == [.done])
    }
  }

  /// Runs the body with the configured clusters `shop` and `depot`, and with pruning.
  private static func withPrunedShops(
    _ api: LostResponseAPI, _ body: @escaping @Sendable (ReconcilerFixture) async throws -> Void
  ) async throws {
    let pruning = Reconciler.Settings(policy: Policy(prune: true))
    try await ReconcilerFixture.open(
      Files.shops("shop", "depot"), settings: pruning, wrap: { api.placed(before: $0) }
    ) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("depot")
      await reportsAtOnce(fixture)
      try await body(fixture)
    }
  }

  @Test("report the result of a deletion, whether or not it was executed", arguments: [true, false])
  func deletion(isDone: Bool) async throws {
    let api = LostResponseAPI(performs: isDone)
    try await Self.withPrunedShops(api) { fixture in
      api.loseResponses()
      let commit = try await fixture.push(["clusters/shop.yaml": nil])
      let end = await fixture.report(commit, "shop") { $0.phase == .done }
      #expect(end?.change == .delete && end?.verdict == .accepted)
      #expect(await fixture.object(.clusters, "shop") == nil)
    }
  }

  @Test("delay the deletion of an app until the cluster that uses it is deleted")
  func deletionOrder() async throws {
    let api = LostResponseAPI(performs: false)
    try await Self.withPrunedShops(api) { fixture in
      let next = [
        "apps/1.1.0.json": Files.app("1.1.0"), "clusters/depot.yaml": Files.cluster("depot", "1.1.0"),
      ]
      let upgrade = try await fixture.push(next)
      await fixture.report(upgrade, "depot") { $0.verdict == .accepted }
      try await fixture.engine("depot")
      await fixture.report(upgrade, "depot") { $0.phase == .done }
      await Self.reportsAtOnce(fixture)
      api.loseResponses(for: .max)
      let commit = try await fixture.push(["apps/1.0.0.json": nil, "clusters/shop.yaml": nil])
      await fixture.report(commit, "shop") { $0.phase == .waiting }
      #expect(await fixture.object(.apps, "web-1.0.0") != nil)
      api.loseResponses(for: 0)
      await fixture.report(commit, "web-1.0.0") { $0.phase == .done }
      #expect(await fixture.object(.clusters, "shop") == nil)
      #expect(await fixture.object(.apps, "web-1.0.0") == nil)
    }
  }

  @Test("withdraw the waiting change if a revert arrives before the response")
  func reverted() async throws {
    let api = LostResponseAPI(performs: false)
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      try await fixture.engine("shop")
      await Self.reportsAtOnce(fixture)
      api.loseResponses(for: .max)
      let commit = try await fixture.push(Files.upgradeOfShop)
      await fixture.report(commit, "shop") { $0.phase == .waiting }
      let revert = try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0")])
      await fixture.reconciled(revert)
      let end = await fixture.report(commit, "shop") { $0.phase == .failed }
      #expect(end?.message == "withdrawn by \(revert.prefix(7)) before it was applied")
    }
  }

  @Test("report a commit only after evaluating a cluster again that changed while its app was created")
  func meanwhile() async throws {
    let api = LostResponseAPI(performs: true)
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      try await fixture.engine("shop")
      await Self.reportsAtOnce(fixture)
      api.whenAppComes {
        _ = try? await fixture.engine("shop", isSuspended: true)
      }
      let commit = try await fixture.push(Files.upgradeOfShop)
      await fixture.report(commit, "shop")
      let phases = await fixture.recorder.phases[commit]
      #expect(phases == [.pending])
    }
  }

  @Test("report an executed change as accepted, even if a later change has to wait")
  func followed() async throws {
    let api = LostResponseAPI(performs: true)
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      try await fixture.engine("shop")
      await Self.reportsAtOnce(fixture)
      // Both arrive before the daemon's next pass.
      api.whenAppComes {
        api.loseResponses()
        _ = try? await fixture.push([
          "apps/1.2.0.json": Files.app("1.2.0"), "clusters/shop.yaml": Files.cluster("shop", "1.2.0"),
        ])
        let next = try? fixture.user.head()
        await until { await fixture.reconciler.fetchedHead?.hex == next ? true : nil }
      }
      let commit = try await fixture.push(Files.upgradeOfShop)
      await until { try? fixture.user.head() == commit ? nil : true }
      let next = try fixture.user.head()
      #expect(await fixture.report(next, "shop")?.rules == ["upgrade/configured"])
      let report = await fixture.report(commit, "shop") { $0.verdict == .accepted || $0.phase == .failed }
      #expect(report?.verdict == .accepted)
    }
  }

  @Test("keep a commit unfinished while drift of one of its objects is not yet corrected")
  func edited() async throws {
    let api = LostResponseAPI(performs: false)
    try await ReconcilerFixture.open(Files.shops("shop"), wrap: { api.placed(before: $0) }) { fixture in
      try await fixture.engine("shop")
      await Self.reportsAtOnce(fixture)
      api.loseResponses(for: .max)
      try await fixture.patch("shop", ["spec": ["app": "web-9.9.9"]])
      await until { await fixture.reconciler.drifted.isEmpty ? nil : true }
      let commit = try await fixture.push(Files.upgradeOfShop)
      await until { await fixture.object(.apps, "web-1.1.0") }
      await until { await fixture.reconciler.isInPass ? nil : true }
      try await Task.sleep(for: .seconds(2))
      #expect(await fixture.recorder.phases[commit]?.contains(.done) != true)
      api.loseResponses(for: 0)
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" }
      try await fixture.engine("shop")
      await fixture.report(commit, "shop") { $0.verdict == .accepted }
    }
  }

  @Test("do not make a commit done whose daemon is stopped halfway")
  func stopped() async throws {
    let (site, api) = (try Site(), LostResponseAPI(performs: true))
    let stop = Stop()
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { try await $0.engine("shop") }
    try site.user.commit(Files.upgradeOfShop)
    try site.user.push()
    api.whenAppComes { await stop.reach() }
    try await ReconcilerFixture.open(at: site, wrap: { api.placed(before: $0) }) { fixture in
      await stop.wait()
    }
    let commit = try site.user.head()
    let report = await site.notes.report(of: try #require(ObjectID(hex: commit)))
    #expect(report?.phase != .done)
  }

  /// Blocks a call until it is cancelled.
  private actor Stop {
    private var isReached = false
    func reach() async {
      isReached = true
      try? await Task.sleep(for: .seconds(600))
    }
    func wait() async {
      while !isReached { await Task.yield() }
    }
  }
}
