import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules
import Testing

@testable import Reconciler

@Suite("Blocked changes that something may unblock")
struct BlockedChangesTests {
  private let a = ObjectID.repeating("a")

  private func blocked(
    _ verdict: Verdict = .waiting, _ rules: Set<String> = ["cluster/busy"], apps: Set<String> = ["web-1.0.0"]
  ) -> BlockedObject {
    BlockedObject(verdict: verdict, commit: a, rules: rules, apps: apps)
  }

  private func unblocked(
    by reference: ObjectReference, isGone: Bool = false, _ apps: Set<String>, before: Set<String>? = nil,
    _ changes: [ObjectReference: BlockedObject]
  ) -> Set<ObjectReference> {
    var all = BlockedChanges()
    for (reference, change) in changes { all[reference] = change }
    return all.unblocked(
      by: .init(reference: reference, isGone: isGone, apps: apps, appsBefore: before ?? apps))
  }

  @Test("an app may unblock every cluster that names it; a cluster does not unblock the clusters beside it")
  func app() {
    #expect(unblocked(by: .web, ["web-1.0.0"], [.shop: blocked(.rejected, ["x"])]) == [.shop])
    #expect(unblocked(by: .web, ["web-2.0.0"], [.shop: blocked()]) == [])
    #expect(unblocked(by: .depot, ["web-1.0.0"], [.shop: blocked()]) == [])
  }

  @Test("a cluster may unblock an app that waits until no cluster runs it")
  func cluster() {
    #expect(unblocked(by: .shop, ["web-1.0.0"], [.web: blocked()]) == [.web])
    // A rejected app depends on the cluster only if that left the app or came to it.
    let sealed = [ObjectReference.web: blocked(.rejected, ["app/sealed"])]
    #expect(unblocked(by: .shop, ["web-1.0.0"], sealed) == [])
    #expect(unblocked(by: .shop, isGone: true, ["web-1.0.0"], sealed) == [.web])
  }

  @Test("a cluster that is gone may unblock the clusters that wait for a name or for the limit on deletions")
  func gone() {
    let named = [ObjectReference.shop: blocked(.rejected, [ObjectPrune.id])]
    #expect(unblocked(by: .depot, isGone: true, [], named) == [.shop])
    #expect(unblocked(by: .depot, [], named) == [])
  }

  @Test("an orphaned object is not judged again")
  func orphaned() {
    #expect(unblocked(by: .web, ["web-1.0.0"], [.shop: blocked(.orphaned)]) == [])
  }

  @Test("a list is reported when it differs; the same list of a later state counts as reported")
  func reporting() {
    var changes = BlockedChanges()
    let (first, second) = (
      BlockedChanges.Version(ledger: 1, refProblems: []), BlockedChanges.Version(ledger: 2, refProblems: [])
    )
    let list = BlockedChangeList(omitted: 1)
    #expect(changes.mayDiffer(at: first))
    #expect(changes.isNews(list, at: first) == true)
    // The report failed; it is made again.
    #expect(changes.mayDiffer(at: first))
    changes.report(list, at: first)
    #expect(!changes.mayDiffer(at: first))
    #expect(changes.mayDiffer(at: second))
    #expect(changes.isNews(list, at: second) == false)
    #expect(!changes.mayDiffer(at: second))
  }
}

@Suite("Stalled upgrades and their automatic reverts")
struct AutoRevertStateTests {
  private let a = ObjectID.repeating("a")
  private let b = ObjectID.repeating("b")

  @Test("each commit is reverted once; a later commit gets another attempt")
  func once() {
    var reverts = AutoRevertState()
    reverts.observe(.shop, isStalled: true)
    #expect(reverts.stalled == [.shop])
    #expect(!reverts.isDone(.shop, of: a))
    reverts.end(.shop, of: a, .pushed)
    #expect(reverts.isDone(.shop, of: a) && !reverts.isDone(.shop, of: b))
    #expect(reverts.obstacle(.shop, of: a) == nil)
    reverts.observe(.shop, isStalled: false)
    #expect(reverts.stalled.isEmpty)
  }

  @Test("the reason why a person has to act is in the report of that commit only")
  func obstacle() {
    var reverts = AutoRevertState()
    reverts.end(.shop, of: a, .impossible("the branch is protected"))
    #expect(
      reverts.obstacle(.shop, of: a) == "the daemon cannot revert it automatically: the branch is protected")
    #expect(reverts.obstacle(.shop, of: b) == nil)
    #expect(reverts.obstacle(.shop, of: nil) == nil)
    reverts.forget(.shop)
    #expect(reverts.obstacle(.shop, of: a) == nil)
  }
}
