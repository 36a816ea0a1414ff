import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules
import Testing

@testable import Reconciler

@Suite("Changes of objects with another owner")
struct OwnershipGuardTests {
  private func ownership(
    _ owner: String?, isInGit: Bool = true, isDriftRefused: Bool = false, asksForAdoption: Bool = false
  ) -> OwnershipGuard.Ownership {
    OwnershipGuard.Ownership(
      owner: owner, isInGit: isInGit, isDriftRefused: isDriftRefused, asksForAdoption: asksForAdoption,
      path: "clusters/shop.yaml")
  }

  private func verdict(
    _ ownership: OwnershipGuard.Ownership, _ change: JudgedChange = .judged(),
    obstacle: OwnershipGuard.AdoptionObstacle? = nil
  ) -> JudgedChange {
    var change = change
    OwnershipGuard(installation: "default").apply(to: &change, ownership, obstacle: obstacle)
    return change
  }

  @Test("pass if the object is this installation's, or not in git")
  func own() {
    #expect(verdict(ownership("default")).verdict == .accepted)
    #expect(verdict(ownership("other", isInGit: false)).verdict == .accepted)
  }

  @Test("are rejected if the object belongs to another installation or to none, with the way out")
  func foreign() {
    let other = verdict(ownership("other", asksForAdoption: true))
    #expect(other.verdict == .rejected)
    #expect(other.findings.first?.message.hasSuffix("belongs to the installation other") == true)
    let none = verdict(ownership(nil))
    #expect(none.verdict == .rejected)
    #expect(none.findings.first?.hint?.contains("add the annotation") == true)
  }

  @Test(
    "adopt a cluster of this installation again only if another operator has managed it and git asks for that"
  )
  func takenOver() {
    for asks in [true, false] {
      var own = ownership("default", asksForAdoption: asks)
      #expect(!own.isAdopted)
      own.isTakenOver = true
      #expect(own.isAdopted == asks)
      #expect(verdict(own).verdict == .accepted)
    }
  }

  @Test("pass without an owner if git asks for adoption, or if the removed label cannot be restored")
  func withoutOwner() {
    #expect(verdict(ownership(nil, asksForAdoption: true)).verdict == .accepted)
    #expect(verdict(ownership(nil, isDriftRefused: true)).verdict == .accepted)
  }

  @Test("are rejected if a cluster is adopted and changed while it is not configured")
  func unsettled() {
    let waiting = JudgedChange.judged(.shop, .upgrade, .waiting)
    let change = verdict(ownership(nil, asksForAdoption: true), waiting)
    #expect(change.verdict == .rejected)
    #expect(change.findings.first?.message.contains("cannot be adopted and changed at once") == true)
    #expect(verdict(ownership("default"), waiting).verdict == .waiting)
  }

  @Test("wait if the objects of a cluster to adopt cannot be read, and are rejected for a shape mismatch")
  func obstacles() {
    let adopted = ownership(nil, asksForAdoption: true)
    let unread = verdict(adopted, obstacle: .unread(APIError(.unavailable, "no route")))
    #expect(unread.verdict == .waiting && unread.findings.map(\.rule) == ["api/unavailable"])
    let shape = verdict(adopted, obstacle: .shape([]))
    #expect(shape.verdict == .rejected && shape.findings.map(\.rule) == [ClusterAdoptionShape.id])
  }
}

@Suite("Deletions for which there is a doubt")
struct PruneGuardTests {
  private let head = ObjectID.repeating("a")
  private let other = ObjectID.repeating("b")

  private func deletion(_ reference: ObjectReference = .shop, _ verdict: Verdict = .accepted) -> JudgedChange
  {
    .judged(reference, .delete, verdict)
  }

  private func verdict(on change: JudgedChange, _ doubt: PruneGuard.Doubt?, isPruning: Bool = true)
    -> JudgedChange
  {
    var changes = [change]
    PruneGuard(head: head, isPruning: isPruning).apply(
      doubt.map { [change.reference: $0] } ?? [:], to: &changes)
    return changes[0]
  }

  @Test("are carried out without a doubt; other changes are left alone")
  func none() {
    #expect(verdict(on: deletion(), nil).verdict == .accepted)
    #expect(verdict(on: .judged(.shop, .upgrade), .drifted).verdict == .accepted)
  }

  @Test("wait if the object was just edited, and are never made if no daemon applied its state")
  func edited() {
    #expect(verdict(on: deletion(), .drifted).verdict == .waiting)
    #expect(verdict(on: deletion(), .unproven).verdict == .orphaned)
  }

  @Test("wait under the commit of the layout if only the layout removed the object")
  func leftBehind() {
    let change = verdict(
      on: deletion(), .fileLeftBehind(path: "clusters/shop.yaml", layoutCommit: other))
    #expect(change.verdict == .waiting && change.commit == other)
    #expect(change.findings.first?.message.contains("its file clusters/shop.yaml is still there") == true)
  }

  @Test(
    "wait with pruning on while a broken new file may contain the object; with pruning off they are orphaned")
  func brokenFile() {
    #expect(verdict(on: deletion(.shop, .orphaned), nil).verdict == .waiting)
    #expect(verdict(on: deletion(.shop, .orphaned), nil, isPruning: false).verdict == .orphaned)
  }

  private func verdicts(
    _ extent: PruneGuard.Extent, _ approval: ApprovalState = ApprovalState(), _ changes: [JudgedChange]
  ) -> [Verdict] {
    var changes = changes
    PruneGuard(head: head, isPruning: true).apply(extent, approval, to: &changes)
    return changes.map(\.verdict)
  }

  @Test("of more than half of the clusters wait for an approval of this head, even if one of them is judged")
  func half() {
    let both = [deletion(), deletion(.depot), deletion(.web)]
    #expect(verdicts(.init(gone: 2, all: 4), both) == [.accepted, .accepted, .accepted])
    #expect(verdicts(.init(gone: 2, all: 3), both) == [.waiting, .waiting, .accepted])
    #expect(verdicts(.init(gone: 2, all: 3), [deletion()]) == [.waiting])
    var approval = ApprovalState()
    approval.approve(other)
    #expect(verdicts(.init(gone: 2, all: 2), approval, both) == [.waiting, .waiting, .accepted])
    approval.approve(head)
    #expect(verdicts(.init(gone: 2, all: 2), approval, both) == [.accepted, .accepted, .accepted])
  }

  @Test("that were approved under an earlier head stay approved")
  func earlier() {
    var approval = ApprovalState()
    approval.approve(other)
    approval.end(keeping: [.shop])
    #expect(
      verdicts(.init(gone: 2, all: 2), approval, [deletion(), deletion(.depot)]) == [.accepted, .waiting])
  }

  private func verdicts(_ extent: PruneGuard.Extent, _ changes: [JudgedChange]) -> [Verdict] {
    verdicts(extent, ApprovalState(), changes)
  }

  @Test("say how many clusters would be deleted, and how to approve it")
  func words() {
    var changes = [deletion()]
    PruneGuard(head: head, isPruning: true).apply(.init(gone: 1, all: 1), ApprovalState(), to: &changes)
    #expect(
      changes[0].findings.first?.message.hasSuffix("this would delete every cluster, 1 in all") == true)
    #expect(changes[0].findings.first?.hint?.contains("`kdops sync --accept aaaaaaa`") == true)
  }
}

@Suite("The order of application")
struct ApplyOrderTests {
  @Test("apps before clusters, deletions last, clusters before their apps; objects of one file together")
  func order() {
    let old = ObjectReference.app("default", "old")
    let gone = ObjectReference.cluster("default", "gone")
    let changes: [JudgedChange] = [
      .judged(old, .delete), .judged(gone, .delete), .judged(.shop), .judged(.depot), .judged(.web, .create),
    ]
    let sorted = ApplyOrder.sorted(changes) { $0 == .shop ? "a.yaml" : "b.yaml" }
    #expect(sorted.map(\.reference) == [.web, .shop, .depot, gone, old])
  }

  @Test("a change that waits for its app repeats why the cluster refuses the app")
  func waiting() {
    let plain = ApplyOrder.waiting(.judged(), for: .web, nil)
    #expect(plain.verdict == .waiting && plain.reasons.map(\.rule) == [ApplyOrder.appPending])
    #expect(
      plain.report.message == "app web-1.0.0 is not applied yet; this change is applied afterwards")
    let refused = ApplyOrder.waiting(.judged(), for: .web, "no right")
    #expect(
      refused.report.message
        == "app web-1.0.0 is not applied yet: no right; then this change is applied afterwards")
  }
}

@Suite("Writes that fail")
struct ApplyFailureTests {
  private let live = Object.applied()

  private func failure(
    _ kind: APIError.Kind, isNew: Bool = false, verdict: Verdict = .accepted, isDriftRefused: Bool = false
  ) -> ApplyFailure {
    ApplyFailure(
      APIError(kind, "no"), of: .judged(.shop, .upgrade, verdict, live: isNew ? nil : live),
      isDriftRefused: isDriftRefused)
  }

  private func refused(_ failure: ApplyFailure) -> JudgedChange? {
    if case .refused(let change) = failure { change } else { nil }
  }

  @Test("are judged again if the object has changed meanwhile")
  func outdated() {
    for failure in [failure(.conflict), failure(.notFound), failure(.alreadyExists, isNew: true)] {
      guard case .outdated = failure else {
        Issue.record("\(failure)")
        continue
      }
    }
  }

  @Test("are retried without an answer, and with credentials that are not accepted")
  func unanswered() {
    for failure in [failure(.unavailable), failure(.unauthorized)] {
      guard case .unanswered = failure else {
        Issue.record("\(failure)")
        continue
      }
    }
  }

  @Test("wait for a permission or a namespace, because no commit can add them")
  func waiting() {
    #expect(refused(failure(.forbidden))?.verdict == .waiting)
    let namespace = refused(failure(.notFound, isNew: true))
    #expect(namespace?.verdict == .waiting)
    #expect(namespace?.report.message?.contains("kubectl create namespace default") == true)
  }

  @Test("are rejected if the file is wrong; an edit that cannot be reverted says so")
  func rejected() {
    let change = refused(failure(.invalid))
    #expect(change?.verdict == .rejected)
    #expect(change?.report.message == "no; the API server refused it; correct the file")
    #expect(change?.report.rules == ["api/invalid"])
    let edit = refused(failure(.invalid, verdict: .unchanged, isDriftRefused: true))
    #expect(
      edit?.report.message?.hasPrefix("it was edited outside of git, and the edit cannot be reverted: no")
        == true)
  }
}
