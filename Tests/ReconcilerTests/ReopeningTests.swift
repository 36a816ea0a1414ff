import Diagnostics
import GitStore
import KubeDirector
import StatusWriter
import Testing

@testable import Reconciler

@Suite("Commits that an earlier daemon spoke of")
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
    _ object: ObjectReference, _ change: String, _ verdict: String, _ phase: Phase
  ) -> ObjectReport {
    ObjectReport(
      kind: object.kind, namespace: object.namespace, name: object.name, change: change, verdict: verdict,
      phase: phase)
  }

  @Test("a rollback that ended while nobody wrote: the cluster's status is followed, the app is gone")
  func rollback() throws {
    var book = CommitBook()
    let said = [
      report(app, "delete", "waiting", .waiting), report(shop, "rollback", "accepted", .rollingBack),
    ]
    let judge = book.reopen(first, said: said, living: [shop], subject: "") { object in
      object == shop ? .here(change: "rollback") : .gone
    }
    #expect(judge.isEmpty)
    #expect(book.owner(of: shop) == first)
    book.update(shop) { $0.following(ClusterStatus(state: .configured, app: "web-1.0.0")) }
    let note = try #require(book.takeReports().first)
    #expect(note.phase == .done)
    #expect(note.objects.map(\.verdict) == ["accepted", "accepted"])
    #expect(book.isEmpty)
  }

  @Test("a change that waited and was applied is spoken of as applied")
  func applied() throws {
    var book = CommitBook()
    _ = book.reopen(first, said: [report(shop, "upgrade", "waiting", .waiting)], living: [shop], subject: "")
    { _ in
      .here(change: "upgrade")
    }
    #expect(book.takeReports().first?.objects.first?.phase == .pending)
    #expect(book.owner(of: shop) == first)
  }

  @Test("a change that a later commit took over is said to be superseded")
  func superseded() throws {
    var book = CommitBook()
    let said = [report(shop, "upgrade", "accepted", .upgrading)]
    _ = book.reopen(first, said: said, living: [], subject: "") { _ in .elsewhere(second, change: "rollback")
    }
    #expect(book.takeReports().first?.objects.first?.message == "rolled back by bbbbbbb")
    #expect(book.isEmpty)
  }

  @Test("a change that still waits is judged again")
  func waiting() {
    var book = CommitBook()
    let said = [report(shop, "upgrade", "waiting", .waiting)]
    let judge = book.reopen(second, said: said, living: [], subject: "") { _ in
      .elsewhere(first, change: "create")
    }
    #expect(judge == [shop])
    book.withdraw(shop, by: first)
    #expect(book.takeReports().first?.objects.first?.message?.hasPrefix("withdrawn by aaaaaaa") == true)
  }

  @Test("what was rejected or has ended stays as it was said, and is not said again")
  func over() {
    var book = CommitBook()
    var old = report(shop, "upgrade", "accepted", .failed)
    old.message = "rolled back by bbbbbbb"
    let said = [report(app, "create", "rejected", .rejected), old]
    _ = book.reopen(first, said: said, living: [], subject: "") { object in
      object == shop ? .elsewhere(second, change: "upgrade") : .gone
    }
    #expect(book.takeReports().isEmpty)
    #expect(book.isEmpty)
    // Where the commit is spoken of again, it is all there.
    book.record(report(app, "create", "accepted", .done), of: first, subject: "")
    #expect(book.takeReports().first?.objects.map(\.phase) == [.done, .failed])
  }

  @Test("without a note, what lives by the commit is told")
  func unsaid() {
    var book = CommitBook()
    _ = book.reopen(first, said: [], living: [app, shop], subject: "") { _ in .here(change: "create") }
    #expect(book.takeReports().first?.objects.map(\.phase) == [.done, .pending])
  }
}
