import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules
import TestSupport
import Testing

@testable import Reconciler

@Suite("The indices of the commit ledger")
struct LedgerIndexTests {
  /// The unfinished objects, computed from the reports of all pages.
  private func unfinished(_ ledger: CommitLedger) -> Set<ObjectReference> {
    Set(ledger.current.filter { ![.done, .rejected, .failed].contains($0.phase) }.map(\.reference))
  }

  @Test("agree with the reports after every event, in random orders")
  func random() {
    var random = SeededRandom(seed: 12)
    let commits = ["a", "b", "c"].map { ObjectID.repeating($0) }
    let objects = (0..<4).map { ObjectReference.cluster("default", "c-\($0)") }
    for _ in 0..<200 {
      var ledger = CommitLedger()
      for _ in 0..<30 {
        let (commit, object) = (
          commits.randomElement(using: &random) ?? commits[0],
          objects.randomElement(using: &random) ?? objects[0]
        )
        let version = ledger.notAppliedVersion
        let blocked = Set(ledger.notApplied.map { "\($0)" })
        var report = ObjectReport.applied(object, .upgrade)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: ledger.record(report, of: commit, subject: "")
        case 1:
          report.verdict = .waiting
          report.phase = .waiting
          ledger.record(report, of: commit, subject: "")
        case 2:
          ledger.update(object) { old in
            var new = old
            new.phase = [.done, .upgrading, .failed].randomElement(using: &random) ?? .done
            return new
          }
        case 3: ledger.withdraw(object, by: commit)
        case 4: ledger.forget(object, of: commit)
        default: _ = ledger.takeReports()
        }
        #expect(ledger.unfinished == unfinished(ledger))
        if blocked != Set(ledger.notApplied.map { "\($0)" }) { #expect(ledger.notAppliedVersion != version) }
      }
    }
  }

  @Test("list what continues by itself, without the changes that wait")
  func underWay() {
    var ledger = CommitLedger()
    let commit = ObjectID.repeating("a")
    ledger.record(.applied(.shop, .upgrade), of: commit, subject: "")
    var waiting = ObjectReport.applied(.depot, .upgrade)
    (waiting.verdict, waiting.phase) = (.waiting, .waiting)
    ledger.record(waiting, of: commit, subject: "")
    #expect(ledger.underWay.map(\.reference) == [.shop])
    #expect(ledger.unfinished == [.shop, .depot])
  }

  @Test("return changed objects once, in order, and keep a limited number of subjects")
  func bounds() {
    var ledger = CommitLedger()
    ledger.markDirty([.shop, .depot])
    ledger.markDirty(.shop)
    #expect(ledger.takeDirtyObjects() == [.depot, .shop])
    #expect(!ledger.hasDirtyObjects)
    let commits = (0..<3000).compactMap { number in
      let digits = String(number, radix: 16)
      return ObjectID(hex: String(repeating: "0", count: 40 - digits.count) + digits)
    }
    for commit in commits { ledger.store(subject: "s", of: commit) }
    #expect(commits.count { ledger.subject(of: $0) != nil } <= 1000)
  }
}
