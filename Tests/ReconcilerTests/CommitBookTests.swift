import Diagnostics
import GitStore
import KubeDirector
import StatusWriter
import Testing

@testable import Reconciler

@Suite("The book of commits")
struct CommitBookTests {
  private let first: ObjectID
  private let second: ObjectID

  init() throws {
    first = try #require(ObjectID(hex: String(repeating: "a", count: 40)))
    second = try #require(ObjectID(hex: String(repeating: "b", count: 40)))
  }

  private func report(_ name: String, _ change: String = "upgrade", _ phase: Phase = .pending) -> ObjectReport
  {
    ObjectReport(
      kind: Wire.clusterKind, namespace: "prod", name: name, change: change, verdict: "accepted", phase: phase
    )
  }

  @Test("says each thing once")
  func once() {
    var book = CommitBook()
    book.record(report("a"), of: first, subject: "Upgrade")
    #expect(book.takeReports().map(\.commit) == [first.hex])
    book.record(report("a"), of: first, subject: "Upgrade")
    #expect(book.takeReports().isEmpty)
  }

  @Test("lets a commit go when all its objects are done, and not before")
  func lettingGo() {
    var book = CommitBook()
    book.record(report("a"), of: first, subject: "")
    book.record(report("b"), of: first, subject: "")
    book.update(report("a").reference) { _ in report("a", "upgrade", .done) }
    #expect(book.takeReports().first?.phase == .pending)
    #expect(!book.isEmpty)
    book.update(report("b").reference) { _ in report("b", "upgrade", .done) }
    #expect(book.takeReports().first?.phase == .done)
    #expect(book.isEmpty)
  }

  @Test("tells an unfinished commit that a later one took its object back")
  func rollback() throws {
    var book = CommitBook()
    book.record(report("a", "upgrade", .upgrading), of: first, subject: "")
    book.record(report("a", "rollback"), of: second, subject: "")
    let reports = book.takeReports()
    let old = try #require(reports.first { $0.commit == first.hex }?.objects.first)
    #expect(old.phase == .failed)
    #expect(old.message == "rolled back by bbbbbbb")
    #expect(book.owner(of: old.reference) == second)
  }

  @Test("a change that waits ends nothing: the commit that is being realised goes on to its end")
  func waiting() throws {
    var book = CommitBook()
    book.record(report("a", "upgrade", .upgrading), of: first, subject: "")
    var held = report("a", "upgrade", .waiting)
    held.verdict = "waiting"
    book.record(held, of: second, subject: "")
    #expect(book.takeReports().map(\.phase) == [.upgrading, .waiting])
    #expect(book.owner(of: held.reference) == first)
    #expect(book.report(of: held.reference) == held)
    book.update(held.reference) { _ in report("a", "upgrade", .done) }
    book.record(report("a"), of: second, subject: "")
    #expect(book.takeReports().map(\.phase) == [.done, .pending])
    #expect(book.owner(of: held.reference) == second)
  }

  @Test("a change that waits ends when another one is held in its place, or when it is withdrawn")
  func replaced() throws {
    var book = CommitBook()
    var held = report("a", "upgrade", .waiting)
    held.verdict = "waiting"
    book.record(held, of: first, subject: "")
    book.record(held, of: second, subject: "")
    #expect(
      book.takeReports().first { $0.commit == first.hex }?.objects.first?.message == "superseded by bbbbbbb")
    book.withdraw(held.reference, by: first)
    let withdrawn = try #require(book.takeReports().first?.objects.first)
    #expect(withdrawn.message == "withdrawn by aaaaaaa before it was applied")
    #expect(book.isEmpty)
  }

  @Test("speaks of all of a commit again when one of its objects comes back")
  func comingBack() {
    var book = CommitBook()
    book.record(report("a", "create", .done), of: first, subject: "")
    book.record(report("b", "create", .done), of: first, subject: "")
    _ = book.takeReports()
    #expect(book.isEmpty)
    book.record(report("a", "create", .pending), of: first, subject: "")
    #expect(book.takeReports().first?.objects.map(\.name) == ["a", "b"])
  }

  @Test("leaves a commit alone that had finished with the object")
  func finished() {
    var book = CommitBook()
    book.record(report("a", "upgrade", .done), of: first, subject: "")
    _ = book.takeReports()
    book.record(report("a"), of: second, subject: "")
    #expect(book.takeReports().map(\.commit) == [second.hex])
  }
}
