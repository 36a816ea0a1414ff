import KubeDirector
import Reports
import TestSupport
import Testing

@testable import Reconciler

/// Commits that change only labels and annotations, such as requests to the engine, while the previous commit
/// is still in progress.
@Suite("A commit that does not change the spec", .timeLimit(.minutes(10)))
struct LabelTests {
  private static let path = "clusters/shop.yaml"
  private static let info = UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u")
  private static let labelled = Files.cluster(
    "shop", "1.1.0", "annotations: {kdops.dev/retry: shop-worker-0 1}")

  /// Puts `shop` in the middle of an upgrade to 1.1.0.
  private static func upgrade(_ fixture: ReconcilerFixture) async throws -> String {
    try await fixture.engine("shop")
    let commit = try await fixture.push(
      ["apps/1.1.0.json": Files.app("1.1.0"), path: Files.cluster("shop", "1.1.0")], "Upgrade shop")
    await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
    try await fixture.engine("shop", .updating, upgrade: info)
    await fixture.report(commit, "shop") { $0.phase == .upgrading }
    return commit
  }

  private static func label(_ fixture: ReconcilerFixture) async throws -> String {
    let commit = try await fixture.push([path: labelled], "Run it again")
    await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
    return commit
  }

  @Test("is done at once, and the running upgrade stays attributed to its own commit")
  func beside() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      let commit = try await Self.upgrade(fixture)
      let later = try await Self.label(fixture)
      #expect(await fixture.report(later, "shop")?.phase == .done)
      let live = try #require(await fixture.cluster("shop"))
      #expect(live.annotation(Wire.Annotation.specCommit) == commit)
      #expect(live.annotation(Wire.Annotation.retry) == "shop-worker-0 1")
      try await fixture.engine("shop", .updating, upgrade: Self.info, stalled: "shop-worker-0: no such image")
      #expect(
        await fixture.report(commit, "shop") { $0.phase == .failed }?.message
          == "shop-worker-0: no such image")
      try await fixture.engine("shop")
      await fixture.report(commit, "shop") { $0.phase == .done }
      #expect(await fixture.report(later, "shop")?.phase == .done)
    }
  }

  @Test("is done at once also for a daemon that starts during the upgrade")
  func taken() async throws {
    let site = try Site()
    let commits = ReportRecorder()
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      let commit = try await Self.upgrade(fixture)
      let later = try await Self.label(fixture)
      await fixture.report(later, "shop") { $0.phase == .done }
      await commits.keep([commit, later])
    }
    let (commit, later) = (await commits.kept[0], await commits.kept[1])
    try await ReconcilerFixture.open(at: site) { fixture in
      try await fixture.engine("shop")
      await fixture.report(commit, "shop") { $0.phase == .done }
      #expect(await fixture.recorder.objects[later]?.allSatisfy { $0.phase == .done } != false)
    }
  }

  @Test("is not named as the commit to revert when a third app waits")
  func remedy() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      let commit = try await Self.upgrade(fixture)
      _ = try await Self.label(fixture)
      try await fixture.engine("shop", .updating, upgrade: Self.info, stalled: "shop-worker-0: no such image")
      let third = try await fixture.push(
        ["apps/1.2.0.json": Files.app("1.2.0"), Self.path: Files.cluster("shop", "1.2.0")])
      let report = await fixture.report(third, "shop")
      #expect(
        report?.message?.contains("revert `\(commit.prefix(7))` first") == true, "\(report?.message ?? "")")
    }
  }
}

@Suite("Reports about suspended clusters", .timeLimit(.minutes(10)))
struct SuspendedTests {
  @Test("say why an applied upgrade does not start, and how to resume for a change behind it")
  func suspended() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop", isSuspended: true)
      let commit = try await fixture.push(
        Files.upgradeOfShop)
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
      try await fixture.engine("shop", app: "web-1.0.0", isSuspended: true, hasSeen: false)
      let report = await fixture.report(commit, "shop") { $0.message != nil }
      #expect(report?.phase == .pending)
      #expect(report?.message == "suspended by kdops.dev/suspend; it continues when that is removed")

      let info = UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u")
      try await fixture.engine("shop", .updating, upgrade: info, isSuspended: true)
      let third = try await fixture.push(
        ["apps/1.2.0.json": Files.app("1.2.0"), "clusters/shop.yaml": Files.cluster("shop", "1.2.0")])
      let waits = await fixture.report(third, "shop")?.message
      #expect(waits?.contains("which is suspended") == true, "\(waits ?? "")")
      #expect(waits?.contains("resume it") == true, "\(waits ?? "")")
    }
  }

  @Test("put a refusal by the engine, such as a rollback that is too late, in the commit's note")
  func noWayBack() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push(
        Files.upgradeOfShop)
      await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
      try await fixture.engine(
        "shop", app: "web-1.0.0", stalled: "app web-1.1.0 is older than what runs", reason: "NoWayBack",
        hasSeen: false)
      let report = await fixture.report(commit, "shop") { $0.phase == .failed }
      #expect(report?.message == "app web-1.1.0 is older than what runs")
    }
  }
}
