import Diagnostics
import GitStore
import KubeDirector
import Reports
import Testing

@testable import Reconciler

@Suite("Commits that an earlier daemon reported")
struct ReopeningTests {
  private let first: ObjectID
  private let second: ObjectID
  private let shop = ObjectReference(kind: Wire.clusterKind, namespace: "prod", name: "shop")
  private let app = ObjectReference(kind: Wire.appKind, namespace: "prod", name: "web-1.1.0")

  init() throws {
    first = try #require(ObjectID(hex: String(repeating: "a", count: 40)))
    second = try #require(ObjectID(hex: String(repeating: "b", count: 40)))
  }

  private func report(
    _ object: ObjectReference, _ change: ChangeKind, _ verdict: Verdict, _ phase: Phase
  ) -> ObjectReport {
    ObjectReport(
      kind: object.kind, namespace: object.namespace, name: object.name, change: change, verdict: verdict,
      phase: phase)
  }

  @Test("follows the cluster's status after a rollback that ended between two daemons, and its app is gone")
  func rollback() throws {
    var ledger = CommitLedger()
    let lastReport = [
      report(app, .delete, .waiting, .waiting), report(shop, .rollback, .accepted, .rollingBack),
    ]
    let judge = ledger.reopen(first, lastReport: lastReport, liveObjects: [shop], subject: "") { object in
      object == shop ? .here(change: .rollback) : .gone
    }
    #expect(judge.isEmpty)
    #expect(ledger.owner(of: shop) == first)
    ledger.update(shop) { $0.following(ClusterStatus(state: .configured, app: "web-1.0.0")) }
    let note = try #require(ledger.takeReports().first)
    #expect(note.phase == .done)
    #expect(note.objects.map(\.verdict) == [.accepted, .accepted])
    #expect(ledger.isEmpty)
  }

  @Test("reports a waiting change as applied if it has been applied")
  func applied() throws {
    var ledger = CommitLedger()
    _ = ledger.reopen(
      first, lastReport: [report(shop, .upgrade, .waiting, .waiting)], liveObjects: [shop], subject: ""
    ) { _ in
      .here(change: .upgrade)
    }
    #expect(ledger.takeReports().first?.objects.first?.phase == .pending)
    #expect(ledger.owner(of: shop) == first)
  }

  @Test("reports a change as superseded if a later commit replaced it")
  func superseded() throws {
    var ledger = CommitLedger()
    let lastReport = [report(shop, .upgrade, .accepted, .upgrading)]
    _ = ledger.reopen(first, lastReport: lastReport, liveObjects: [], subject: "") { _ in
      .elsewhere(second, change: .rollback)
    }
    #expect(ledger.takeReports().first?.objects.first?.message == "rolled back by bbbbbbb")
    #expect(ledger.isEmpty)
  }

  @Test("evaluates a change again that still waits")
  func waiting() {
    var ledger = CommitLedger()
    let lastReport = [report(shop, .upgrade, .waiting, .waiting)]
    let judge = ledger.reopen(second, lastReport: lastReport, liveObjects: [], subject: "") { _ in
      .elsewhere(first, change: .create)
    }
    #expect(judge == [shop])
    ledger.withdraw(shop, by: first)
    #expect(ledger.takeReports().first?.objects.first?.message?.hasPrefix("withdrawn by aaaaaaa") == true)
  }

  @Test("keeps the report of a rejected or finished change, and does not repeat it")
  func over() {
    var ledger = CommitLedger()
    var old = report(shop, .upgrade, .accepted, .failed)
    old.message = "rolled back by bbbbbbb"
    old.failure = .superseded
    let lastReport = [report(app, .create, .rejected, .rejected), old]
    _ = ledger.reopen(first, lastReport: lastReport, liveObjects: [], subject: "") { object in
      object == shop ? .elsewhere(second, change: .upgrade) : .gone
    }
    #expect(ledger.takeReports().isEmpty)
    #expect(ledger.isEmpty)
    // A new report on the commit is complete.
    ledger.record(report(app, .create, .accepted, .done), of: first, subject: "")
    #expect(ledger.takeReports().first?.objects.map(\.phase) == [.done, .failed])
  }

  @Test("reports the commits of live objects if there is no note")
  func unreported() {
    var ledger = CommitLedger()
    _ = ledger.reopen(first, lastReport: [], liveObjects: [app, shop], subject: "") { _ in
      .here(change: .create)
    }
    #expect(ledger.takeReports().first?.objects.map(\.phase) == [.done, .pending])
  }
}
