import ClusterAPI
import Diagnostics
import KubeDirector
import Reports
import Rules
import TestSupport
import Testing
import Values

@testable import Reconciler

@Suite("Reports of blocked changes in the cluster", .timeLimit(.minutes(5)))
struct BlockedChangeTests {
  /// Waits until the reported blocked changes match.
  @discardableResult
  private func recorder(_ fixture: ReconcilerFixture, _ holds: @Sendable ([BlockedChange]) -> Bool) async
    -> BlockedChangeList?
  {
    await until { await fixture.recorder.blocked.last.flatMap { holds($0.changes) ? $0 : nil } }
  }

  @Test("reports a rejected change with its commit, rule and remedy until it is fixed")
  func rejected() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      await fixture.rest()
      #expect(await fixture.recorder.blocked == [BlockedChangeList()])
      let bad = try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "9.9.9")])
      let list = await recorder(fixture) { !$0.isEmpty }
      let blocked = try #require(list?.changes.first)
      #expect(blocked.commit == bad && blocked.verdict == .rejected && !blocked.isOfCommit)
      #expect(blocked.object == .cluster("default", "shop"))
      #expect(blocked.rules == ["upgrade/registered"])
      #expect(blocked.message.contains("web-9.9.9"))
      try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0")])
      let empty = await recorder(fixture) { $0.isEmpty }
      #expect(empty != nil)
    }
  }

  @Test("withdraws no report after a restart before it has evaluated the changes itself")
  func restarts() async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Files.shops("shop"), at: site) { fixture in
      try await fixture.engine("shop")
      try await fixture.push(["clusters/shop.yaml": Files.cluster("shop", "9.9.9")])
      _ = await recorder(fixture) { !$0.isEmpty }
    }
    try await ReconcilerFixture.open(at: site) { fixture in
      _ = await recorder(fixture) { !$0.isEmpty }
      #expect(await fixture.recorder.blocked.count == 1)
    }
  }

  @Test("does not report an app whose deletion waits for the clusters that use it")
  func passing() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      let commit = try await fixture.push([
        "apps/1.0.0.json": nil, "clusters/shop.yaml": Files.cluster("shop", "9.9.9"),
      ])
      await fixture.reconciled(commit)
      let blocked = await recorder(fixture) { !$0.isEmpty }
      #expect(
        blocked?.changes.allSatisfy { $0.object.kind != Wire.appKind || $0.verdict == .rejected } == true)
    }
  }

  @Test(
    "reports rewritten history in the note and in the cluster until it is accepted or undone",
    arguments: [true, false])
  func rewritten(accepts: Bool) async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      let second = try await fixture.push(["README.md": "two"])
      await fixture.reconciled(second)
      try fixture.user.git("reset", "--quiet", "--hard", "HEAD~1")
      let head = try fixture.user.commit(["README.md": "another"])
      try fixture.user.push("--force", "main")
      await fixture.reconciler.sync()
      let list = await recorder(fixture) { !$0.isEmpty }
      let blocked = try #require(list?.changes.first)
      #expect(blocked.isOfCommit && blocked.commit == head && blocked.rules == [CommitHistory.id])
      #expect(blocked.message.hasSuffix("kdops sync --accept \(head.prefix(7))"))
      #expect(await fixture.report(head, String(head.prefix(7)))?.verdict == .waiting)
      if accepts {
        await fixture.reconciler.accept(head)
        await fixture.reconciled(head)
        await until { await fixture.recorder.objects[head]?.isEmpty == true ? true : nil }
      } else {
        try fixture.user.git("push", "--quiet", "--force", "origin", "\(second):main")
        await fixture.reconciler.sync()
        await fixture.report(head, String(head.prefix(7))) {
          $0.message == "withdrawn by \(second.prefix(7)) before it was applied"
        }
      }
      let empty = await recorder(fixture) { $0.isEmpty }
      #expect(empty != nil)
    }
  }

  @Test("writes the record only on a change, and one record for each installation")
  func record() async throws {
    let site = try Site()
    let store = try await site.store()
    let record = BlockedChangeRecord(store, namespace: "kdops-system", installation: "default")
    // No record is created without blocked changes.
    try await record.write(BlockedChangeList(), now: 0)
    #expect(try await store.list(.configMaps, namespace: nil, labels: .everything).items.isEmpty)
    let one = BlockedChange(
      commit: "4f2c9ab", object: .cluster("prod", "shop"), verdict: .rejected, rules: ["upgrade/newer"],
      message: "not newer")
    try await record.write(BlockedChangeList(changes: [one]), now: 1_700_000_000)
    #expect(try await BlockedChangeRecord.read(from: store, namespace: "kdops-system").changes == [one])
    let name = ObjectName(
      namespace: "kdops-system", name: BlockedChangeRecord.name(installation: "default"))
    let version = try await store.get(.configMaps, name).resourceVersion
    try await record.write(BlockedChangeList(changes: [one]), now: 1_800_000_000)
    #expect(try await store.get(.configMaps, name).resourceVersion == version)
    // Each installation has its own record.
    let other = BlockedChangeRecord(store, namespace: "kdops-system", installation: "other")
    try await other.write(BlockedChangeList(changes: [one], omitted: 3), now: 0)
    #expect(
      try await BlockedChangeRecord.read(from: store, namespace: nil)
        == BlockedChangeList(changes: [one, one], omitted: 3))
    try await record.write(BlockedChangeList(), now: 0)
    #expect(
      try await BlockedChangeRecord.read(from: store, namespace: nil)
        == BlockedChangeList(changes: [one], omitted: 3))
  }

  @Test("lists the first of many changes and counts the rest; commits first, credentials never")
  func bounds() {
    let commit = BlockedChange(
      ObjectReport(
        kind: ObjectReport.commitKind, namespace: "", name: "4f2c9ab", change: .none, verdict: .rejected,
        phase: .rejected, message: "see https://ann:secret@git.example/x\nnow"), of: "4f2c9ab")
    #expect(commit?.message == "see https://git.example/x now")
    let many = (0..<200).map { number in
      BlockedChange(
        commit: "1", object: .cluster("a", "\(1000 + number)"), verdict: .waiting, rules: [], message: "")
    }
    let blocked = BlockedChangeList(all: many + [commit].compactMap(\.self))
    #expect(blocked.changes.count == 100 && blocked.omitted == 101 && blocked.changes.first == commit)
  }
}
