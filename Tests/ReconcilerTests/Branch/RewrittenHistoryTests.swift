import ClusterAPI
import GitStore
import KubeDirector
import Reports
import Rules
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Rewritten history after a restart", .timeLimit(.minutes(10)))
struct RewrittenHistoryTests {
  /// The last attempted revision, and the head that no longer contains it.
  private struct Rewrite: Sendable {
    var lost: String
    var head: String

    var message: String {
      let (lost, head) = (lost.prefix(7), head.prefix(7))
      return "history was rewritten: \(lost), the last attempted revision, is no longer in it; "
        + "push a head that contains \(lost), or accept this one by kdops sync --accept \(head)"
    }
  }

  /// Has a daemon reconcile a commit.
  @discardableResult
  private static func reconcile(
    _ files: [String: String?] = ["README.md": "two"], at site: Site, settings: Reconciler.Settings = .init()
  ) async throws -> String {
    try await ReconcilerFixture.open(Files.shops("shop"), at: site, settings: settings) { fixture in
      try await fixture.engine("shop")
      await fixture.reconciled(try await fixture.push(files))
    }
    return try site.user.head()
  }

  /// Replaces the last commit of the branch by another one.
  private static func rewrite(at site: Site) throws -> Rewrite {
    let lost = try site.user.head()
    try site.user.git("reset", "--quiet", "--hard", "HEAD~1")
    let head = try site.user.commit(Files.shop(members: 3), "Grow shop")
    try site.user.push("--force", "main")
    return Rewrite(lost: lost, head: head)
  }

  /// Waits until a head is blocked, which changes nothing.
  private static func expectBlocked(_ rewrite: Rewrite, in fixture: ReconcilerFixture) async throws {
    let recorder = await until {
      await fixture.recorder.blocked.last.flatMap { $0.isEmpty ? nil : $0.changes }
    }
    let blocked = try #require(recorder?.first)
    #expect(blocked.isOfCommit && blocked.commit == rewrite.head && blocked.rules == [CommitHistory.id])
    #expect(blocked.message == rewrite.message)
    let note = await fixture.report(rewrite.head, String(rewrite.head.prefix(7))) { $0.verdict == .waiting }
    #expect(note?.message == rewrite.message)
    #expect(await members(fixture) == 1)
  }

  /// Waits until a head is followed without ever having been blocked.
  private static func expectFollowed(_ head: String, in fixture: ReconcilerFixture) async {
    await fixture.reconciled(head)
    await until { await fixture.recorder.blocked.isEmpty ? nil : true }
    #expect(await fixture.recorder.blocked.allSatisfy(\.isEmpty))
  }

  private static func members(_ fixture: ReconcilerFixture) async -> Int? {
    await fixture.object(.clusters, "shop")?.json["spec"]?["roles"]?.array?.first?["members"]?.integer
  }

  private static func recorded(at site: Site) async throws -> LastAttemptedRevision.Reading {
    try await Site.record(in: site.store()).read()
  }

  @Test("blocks the head in a new daemon, also with a new clone of the repository", arguments: [false, true])
  func blocked(isElsewhere: Bool) async throws {
    let site = try Site()
    try await Self.reconcile(at: site)
    let rewrite = try Self.rewrite(at: site)
    if isElsewhere { try site.forgetMirror() }
    try await ReconcilerFixture.open(at: site) { fixture in try await Self.expectBlocked(rewrite, in: fixture)
    }
  }

  @Test(
    "follows the head in a daemon with an older clone after it was accepted elsewhere",
    arguments: History.allCases)
  func olderCopy(history: History) async throws {
    let settings = Reconciler.Settings(history: history)
    let site = try Site()
    try await Self.reconcile(at: site, settings: settings)
    try site.keepMirror()
    let rewrite = try Self.rewrite(at: site)
    try site.forgetMirror()
    try await ReconcilerFixture.open(at: site, settings: settings) { fixture in
      try await Self.expectBlocked(rewrite, in: fixture)
      #expect(await fixture.reconciler.accept(rewrite.head))
      await fixture.reconciled(rewrite.head)
      try await fixture.engine("shop")
    }
    try site.restoreMirror()
    try await ReconcilerFixture.open(at: site, settings: settings) { fixture in
      await Self.expectFollowed(rewrite.head, in: fixture)
      #expect(await Self.members(fixture) == 3)
    }
  }

  @Test("blocks the head in a daemon with an older clone that never had the lost commit")
  func olderCopyHolds() async throws {
    let site = try Site()
    try await Self.reconcile(["README.md": "one"], at: site)
    try site.keepMirror()
    try await ReconcilerFixture.open(at: site) { fixture in
      await fixture.reconciled(try await fixture.push(["README.md": "two"]))
    }
    let rewrite = try Self.rewrite(at: site)
    try site.restoreMirror()
    try await ReconcilerFixture.open(at: site) { fixture in try await Self.expectBlocked(rewrite, in: fixture)
    }
  }

  @Test("unblocks if a new head contains the last attempted revision, also if that was not available")
  func ended() async throws {
    let site = try Site()
    try await Self.reconcile(at: site)
    let rewrite = try Self.rewrite(at: site)
    try site.forgetMirror()
    try await ReconcilerFixture.open(at: site) { fixture in
      try await Self.expectBlocked(rewrite, in: fixture)
      try fixture.user.git("push", "--quiet", "--force", "origin", "\(rewrite.lost):main")
      await fixture.reconciler.sync()
      await fixture.reconciled(rewrite.lost)
      await until { await fixture.recorder.blocked.last?.isEmpty == true ? true : nil }
      await fixture.report(rewrite.head, String(rewrite.head.prefix(7))) {
        $0.message == "withdrawn by \(rewrite.lost.prefix(7)) before it was applied"
      }
    }
  }

  @Test("follows a branch that continues normally, also in a new daemon with a new clone")
  func forward() async throws {
    let site = try Site()
    try await Self.reconcile(at: site)
    let head = try site.user.commit(Files.shop(members: 3))
    try site.user.push()
    try site.forgetMirror()
    try await ReconcilerFixture.open(at: site) { fixture in
      await Self.expectFollowed(head, in: fixture)
      #expect(await Self.members(fixture) == 3)
    }
  }

  @Test("completes the reports of a lost commit in a daemon that does not have that commit")
  func underWay() async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      try await fixture.push(Files.upgradeOfShop)
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.1.0" }
      try await fixture.engine(
        "shop", .updating, upgrade: UpgradeInfo(isRollingBack: false, prevApp: "web-1.0.0", id: "u"))
      await fixture.rest()
    }
    let rewrite = try Self.rewrite(at: site)
    try site.forgetMirror()
    try await ReconcilerFixture.open(at: site) { fixture in
      try await Self.expectBlocked(rewrite, in: fixture)
      try await fixture.engine("shop")
      await fixture.report(rewrite.lost, "shop") { $0.phase == .done }
    }
  }

  @Test(
    "continues with history: stepwise from the revision that another daemon attempted last")
  func stepwise() async throws {
    let settings = Reconciler.Settings(history: .stepwise)
    let site = try Site()
    try await Self.reconcile(at: site, settings: settings)
    try site.keepMirror()
    try await ReconcilerFixture.open(at: site) { fixture in
      try fixture.user.commit(Files.shop(members: 2))
      await fixture.reconciled(try await fixture.push(Files.shop(members: 3)))
      try await fixture.engine("shop")
    }
    try site.restoreMirror()
    let counting = MutatingWebhookAPI(isInactive: true)
    try await ReconcilerFixture.open(at: site, settings: settings, wrap: { counting.placed(before: $0) }) {
      fixture in
      await Self.expectFollowed(try site.user.head(), in: fixture)
      #expect(counting.writes == 0)
    }
  }

  // MARK: - Records that are not trusted

  @Test("ignores a record that no daemon of the installation wrote, and uses its own clone")
  func forged() async throws {
    let site = try Site()
    try await Self.reconcile(at: site)
    let rewrite = try Self.rewrite(at: site)
    let head = try #require(ObjectID(hex: rewrite.head))
    try await Site.record(in: site.store(), .numbered(8)).write(head)
    #expect(try await Self.recorded(at: site) == .unproven)
    // The forged record names the rewritten head, which is blocked all the same.
    try await ReconcilerFixture.open(at: site) { fixture in try await Self.expectBlocked(rewrite, in: fixture)
    }
    // Without a clone this is a first start, and the daemon writes a valid record.
    try site.forgetMirror()
    try await ReconcilerFixture.open(at: site) { fixture in
      await Self.expectFollowed(rewrite.head, in: fixture)
    }
    #expect(try await Self.recorded(at: site) == .commit(head))
  }

  @Test(
    "rejects a record that was edited",
    arguments: [
      ["\"branch\": \"next\"": "\"branch\": \"main\""], ["\"schemaVersion\": 1": "\"schemaVersion\": 2"],
      ["{": "["], ["stamp": "seal"], ["0123": "0124"],
    ])
  func edited(words: [String: String]) async throws {
    let store = try await Site().store()
    let commit = try #require(ObjectID(hex: String(repeating: "0123", count: 10)))
    try await Site.record(in: store, of: "next").write(commit)
    #expect(try await Site.record(in: store, of: "next").read() == .commit(commit))
    var map = try #require(await store.list(.configMaps, namespace: nil, labels: .everything).items.first)
    var text = try #require(map.json["data"]?["worked.json"]?.string)
    for (old, new) in words { text = text.replacing(old, with: new) }
    map.json["data"] = ["worked.json": .string(text)]
    _ = try await store.update(map)
    let branch = text.contains("\"main\"") ? "main" : "next"
    #expect(try await Site.record(in: store, of: branch).read() == .unproven)
  }

  @Test("stores blocked changes and the last attempted revision side by side without overwriting either")
  func beside() async throws {
    let site = try Site()
    let store = try await site.store()
    let blocked = BlockedChangeRecord(store, namespace: "kdops-system", installation: "default")
    let commits = try ["a", "b"].map { try #require(ObjectID(hex: String(repeating: $0, count: 40))) }
    let one = BlockedChangeList(changes: [
      BlockedChange(
        commit: "4f2c9ab", object: .cluster("prod", "shop"), verdict: .rejected, rules: ["upgrade/newer"],
        message: "not newer")
    ])
    try await Site.record(in: store).write(commits[0])
    #expect(try await BlockedChangeRecord.read(from: store, namespace: nil).isEmpty)
    try await blocked.write(one, now: 0)
    #expect(try await Self.recorded(at: site) == .commit(commits[0]))
    try await Site.record(in: store).write(commits[1])
    #expect(try await BlockedChangeRecord.read(from: store, namespace: nil) == one)
    try await blocked.write(BlockedChangeList(), now: 0)
    #expect(try await Self.recorded(at: site) == .commit(commits[1]))
    let version = try await site.records()?.resourceVersion
    try await Site.record(in: store).write(commits[1])
    #expect(try await site.records()?.resourceVersion == version)
    #expect(try await store.list(.configMaps, namespace: nil, labels: .everything).items.count == 1)
  }

  // MARK: - Failures of the cluster

  @Test("follows nothing while the record is temporarily unreadable")
  func unread() async throws {
    let site = try Site()
    try await Self.reconcile(at: site)
    let rewrite = try Self.rewrite(at: site)
    try site.forgetMirror()
    let records = FailingOnceAPI()
    records.refuseReads(.unavailable)
    try await ReconcilerFixture.open(at: site, isStill: true, records: { records.placed(before: $0) }) {
      fixture in
      await until {
        fixture.clock.advance(by: .seconds(1))
        return records.reads > 2 ? true : nil
      }
      #expect(await fixture.reconciler.desired.head == nil)
      #expect(await Self.members(fixture) == 1)
      records.refuseReads(nil)
      await until {
        fixture.clock.advance(by: .seconds(1))
        return await fixture.recorder.blocked.last?.isEmpty == false ? true : nil
      }
      try await Self.expectBlocked(rewrite, in: fixture)
      #expect(records.writes == 0)
    }
  }

  @Test("uses its own clone if reading the record is forbidden")
  func forbidden() async throws {
    let site = try Site()
    try await Self.reconcile(at: site)
    let rewrite = try Self.rewrite(at: site)
    let records = FailingOnceAPI()
    records.refuseReads(.forbidden)
    try await ReconcilerFixture.open(at: site, records: { records.placed(before: $0) }) { fixture in
      try await Self.expectBlocked(rewrite, in: fixture)
      #expect(await fixture.reconciler.accept(rewrite.head))
      await fixture.reconciled(rewrite.head)
    }
    try await ReconcilerFixture.open(at: site, records: { records.placed(before: $0) }) { fixture in
      await Self.expectFollowed(rewrite.head, in: fixture)
    }
  }

  @Test("applies nothing while the record temporarily cannot be written")
  func unwritten() async throws {
    let site = try Site()
    let records = FailingOnceAPI()
    records.refuseWrites(.unavailable)
    try await ReconcilerFixture.open(
      Files.shops("shop"), at: site, isStill: true, records: { records.placed(before: $0) }
    ) { fixture in
      await until {
        fixture.clock.advance(by: .seconds(1))
        return records.writes > 2 ? true : nil
      }
      #expect(await fixture.object(.clusters, "shop") == nil)
      records.refuseWrites(nil)
      await until {
        fixture.clock.advance(by: .seconds(1))
        return await fixture.object(.clusters, "shop")
      }
      await fixture.rest()
    }
    let head = try #require(ObjectID(hex: try site.user.head()))
    #expect(try await Self.recorded(at: site) == .commit(head))
  }

  @Test("continues with an accepted head if writing the record is forbidden")
  func unwritable() async throws {
    let site = try Site()
    try await Self.reconcile(at: site)
    let rewrite = try Self.rewrite(at: site)
    let records = FailingOnceAPI()
    records.refuseWrites(.forbidden)
    try await ReconcilerFixture.open(at: site, records: { records.placed(before: $0) }) { fixture in
      try await Self.expectBlocked(rewrite, in: fixture)
      #expect(await fixture.reconciler.accept(rewrite.head))
      await fixture.reconciled(rewrite.head)
      let next = try await fixture.push(["README.md": "three"])
      await fixture.reconciled(next)
      // A later rewrite is blocked because of that.
      let again = try Self.rewrite(at: site)
      #expect(again.lost == next)
      await fixture.reconciler.sync()
      let note = await fixture.report(again.head, String(again.head.prefix(7)))
      #expect(note?.message == again.message)
    }
  }

  @Test("reads the record once, and writes it only after attempting another commit")
  func quiet() async throws {
    let site = try Site()
    let head = try await Self.reconcile(at: site)
    let records = FailingOnceAPI()
    try await ReconcilerFixture.open(at: site, records: { records.placed(before: $0) }) { fixture in
      await fixture.reconciled(head)
      await fixture.reconciler.sync()
      await fixture.rest()
      #expect(records.reads == 1 && records.writes == 0)
      await fixture.reconciled(try await fixture.push(["README.md": "three"]))
      #expect(records.writes == 1)
    }
  }
}
