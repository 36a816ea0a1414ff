import Diagnostics
import GitStore
import KubeDirector
import Reports
import Testing

@testable import Reconciler

@Suite("The commit ledger")
struct CommitLedgerTests {
  private let first: ObjectID
  private let second: ObjectID

  init() throws {
    first = try #require(ObjectID(hex: String(repeating: "a", count: 40)))
    second = try #require(ObjectID(hex: String(repeating: "b", count: 40)))
  }

  private func report(_ name: String, _ change: ChangeKind = .upgrade, _ phase: Phase = .pending)
    -> ObjectReport
  {
    ObjectReport(
      kind: Wire.clusterKind, namespace: "prod", name: name, change: change, verdict: .accepted, phase: phase
    )
  }

  @Test("reports each state once")
  func once() {
    var ledger = CommitLedger()
    ledger.record(report("a"), of: first, subject: "Upgrade")
    #expect(ledger.takeReports().map(\.commit) == [first.hex])
    ledger.record(report("a"), of: first, subject: "Upgrade")
    #expect(ledger.takeReports().isEmpty)
  }

  @Test("drops a commit when all its objects are done, and not before")
  func lettingGo() {
    var ledger = CommitLedger()
    ledger.record(report("a"), of: first, subject: "")
    ledger.record(report("b"), of: first, subject: "")
    ledger.update(report("a").reference) { _ in report("a", .upgrade, .done) }
    #expect(ledger.takeReports().first?.phase == .pending)
    #expect(!ledger.isEmpty)
    ledger.update(report("b").reference) { _ in report("b", .upgrade, .done) }
    #expect(ledger.takeReports().first?.phase == .done)
    #expect(ledger.isEmpty)
  }

  @Test("reports an unfinished commit as rolled back if a later commit reverts its object")
  func rollback() throws {
    var ledger = CommitLedger()
    ledger.record(report("a", .upgrade, .upgrading), of: first, subject: "")
    ledger.record(report("a", .rollback), of: second, subject: "")
    let reports = ledger.takeReports()
    let old = try #require(reports.first { $0.commit == first.hex }?.objects.first)
    #expect(old.phase == .failed)
    #expect(old.message == "rolled back by bbbbbbb")
    #expect(ledger.owner(of: old.reference) == second)
  }

  @Test("keeps the owner commit of an object while a later change waits")
  func waiting() throws {
    var ledger = CommitLedger()
    ledger.record(report("a", .upgrade, .upgrading), of: first, subject: "")
    var blocked = report("a", .upgrade, .waiting)
    blocked.verdict = .waiting
    ledger.record(blocked, of: second, subject: "")
    #expect(ledger.takeReports().map(\.phase) == [.upgrading, .waiting])
    #expect(ledger.owner(of: blocked.reference) == first)
    #expect(ledger.report(of: blocked.reference) == blocked)
    ledger.update(blocked.reference) { _ in report("a", .upgrade, .done) }
    ledger.record(report("a"), of: second, subject: "")
    #expect(ledger.takeReports().map(\.phase) == [.done, .pending])
    #expect(ledger.owner(of: blocked.reference) == second)
  }

  @Test("ends a waiting change if another one replaces it, or if it is withdrawn")
  func replaced() throws {
    var ledger = CommitLedger()
    var blocked = report("a", .upgrade, .waiting)
    blocked.verdict = .waiting
    ledger.record(blocked, of: first, subject: "")
    ledger.record(blocked, of: second, subject: "")
    #expect(
      ledger.takeReports().first { $0.commit == first.hex }?.objects.first?.message == "superseded by bbbbbbb"
    )
    ledger.withdraw(blocked.reference, by: first)
    let withdrawn = try #require(ledger.takeReports().first?.objects.first)
    #expect(withdrawn.message == "withdrawn by aaaaaaa before it was applied")
    #expect(ledger.isEmpty)
  }

  @Test("reports all objects of a commit again if one of them returns")
  func comingBack() {
    var ledger = CommitLedger()
    ledger.record(report("a", .create, .done), of: first, subject: "")
    ledger.record(report("b", .create, .done), of: first, subject: "")
    _ = ledger.takeReports()
    #expect(ledger.isEmpty)
    ledger.record(report("a", .create, .pending), of: first, subject: "")
    #expect(ledger.takeReports().first?.objects.map(\.name) == ["a", "b"])
  }

  @Test("does not report a commit again whose change of the object is done")
  func finished() {
    var ledger = CommitLedger()
    ledger.record(report("a", .upgrade, .done), of: first, subject: "")
    _ = ledger.takeReports()
    ledger.record(report("a"), of: second, subject: "")
    #expect(ledger.takeReports().map(\.commit) == [second.hex])
  }
}
