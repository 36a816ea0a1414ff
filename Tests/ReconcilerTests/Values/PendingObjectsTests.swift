import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules
import Testing
import Values

@testable import Reconciler

@Suite("Pending objects")
struct PendingObjectsTests {
  private let a = ObjectID.repeating("a")
  private let b = ObjectID.repeating("b")

  private func begin(
    _ pending: inout PendingObjects, except drifted: Set<ObjectReference> = [],
    together blocked: BlockedChanges? = nil
  ) throws -> PendingObjects.Batch {
    let batch = pending.begin(except: drifted, together: blocked)
    return try #require(batch)
  }

  @Test("are judged together, once")
  func once() throws {
    var pending = PendingObjects()
    #expect(pending.begin(except: [], together: nil) == nil)
    pending.insert(Changes(files: ["clusters/x.yaml"], objects: [.shop]), origins: [.shop: a])
    pending.insert(.depot)
    let batch = try begin(&pending)
    #expect(batch.changes == Changes(files: ["clusters/x.yaml"], objects: [.shop, .depot]))
    #expect(pending.isEmpty)
    #expect(pending.takeCommit(of: .shop) == a)
    #expect(pending.takeCommit(of: .shop) == nil)
    #expect(pending.takeCommit(of: .depot) == nil)
  }

  @Test("stay pending while they are drifted, because an edited object is no baseline")
  func drifted() throws {
    var pending = PendingObjects()
    pending.insert([.shop, .depot])
    let batch = try begin(&pending, except: [.shop])
    #expect(batch.changes.objects == [.depot])
    #expect(pending.changes.objects == [.shop])
  }

  @Test("are all enqueued again with their commits if the judgement fails, with what came meanwhile")
  func failure() throws {
    var pending = PendingObjects()
    pending.insert(Changes(objects: [.shop, .web]), origins: [.shop: a, .web: a])
    let batch = try begin(&pending)
    pending.beginVerdicts()
    _ = pending.takeCommit(of: .shop)
    pending.insert(.web, of: b)
    pending.fail(batch)
    #expect(pending.changes.objects == [.shop, .web])
    #expect(pending.takeCommit(of: .shop) == a)
    #expect(pending.takeCommit(of: .web) == b)
    #expect(!pending.isJudging)
  }

  @Test("with all changes of a commit together include the blocked ones of the same commits")
  func companions() throws {
    var pending = PendingObjects()
    var blocked = BlockedChanges()
    blocked[.depot] = BlockedObject(verdict: .waiting, commit: a)
    blocked[.web] = BlockedObject(verdict: .orphaned, commit: a)
    pending.insert(.shop, of: a)
    let both = try begin(&pending, together: blocked).changes.objects
    #expect(both == [.shop, .depot])
    pending.insert(.shop, of: b)
    let one = try begin(&pending, together: blocked).changes.objects
    #expect(one == [.shop])
  }

  @Test("list the objects that changed while verdicts were made, with the apps that they named before")
  func meanwhile() {
    var pending = PendingObjects()
    pending.noteChange(of: .depot, before: ["web-1"])
    #expect(pending.end() == [:])
    pending.beginVerdicts()
    pending.noteChange(of: .shop, before: ["web-1"])
    pending.noteChange(of: .shop, before: ["web-2"])
    #expect(pending.isJudging)
    #expect(pending.end() == [.shop: ["web-1", "web-2"]])
    #expect(!pending.isJudging)
  }

  @Test("that the cluster refuses come again only when they are released, and are refused anew by then")
  func forbidden() throws {
    var pending = PendingObjects()
    pending.forbid(.shop, of: a)
    #expect(pending.isEmpty && pending.awaitsPermission)
    pending.releaseForbidden()
    #expect(pending.changes.objects == [.shop] && pending.awaitsPermission)
    _ = try begin(&pending)
    #expect(!pending.awaitsPermission)
    #expect(pending.takeCommit(of: .shop) == a)
  }

  @Test("keep the report of their commit back if the ledger does not have them yet")
  func unreported() {
    var (pending, ledger) = (PendingObjects(), CommitLedger())
    pending.insert(.shop, of: a)
    pending.insert(.depot)
    #expect(pending.unreported(in: ledger) == [a])
    ledger.record(.applied(.shop, .create), of: a, subject: "")
    #expect(pending.unreported(in: ledger) == [])
  }

  @Test("name the commit that broke a file until another commit breaks or corrects it")
  func files() {
    var pending = PendingObjects()
    #expect(pending.setFile("x.yaml", brokenBy: a) == nil)
    #expect(pending.setFile("x.yaml", brokenBy: a) == nil)
    #expect(pending.setFile("x.yaml", brokenBy: b) == a)
    #expect(pending.brokenFiles.map(\.commit) == [b])
    #expect(pending.setFile("x.yaml", brokenBy: nil) == b)
    #expect(pending.brokenFiles.isEmpty)
  }
}
