import ClusterAPI
import GitStore
import KubeDirector
import Reports
import Signatures
import Testing

@testable import Reconciler

@Suite("The followed branch")
final class BranchStateTests {
  private let a = ObjectID.repeating("a")
  private let b = ObjectID.repeating("b")
  private let c = ObjectID.repeating("c")
  private var branch = BranchState()

  private func step(from applied: ObjectID?, isStepwise: Bool = false, isUnderWay: Bool = false)
    -> BranchState.Step
  {
    branch.nextStep(from: applied, isStepwise: isStepwise, isUnderWay: isUnderWay)
  }

  @Test("has no next step without a goal, and none once the goal is applied")
  func goal() {
    #expect(step(from: nil) == .none)
    _ = branch.setGoal(b)
    #expect(step(from: a) == .follow(b))
    #expect(step(from: b) == .none)
    #expect(branch.isSettled(at: b) && !branch.isSettled(at: a))
  }

  @Test("lists the commits once for each goal with history: stepwise, and follows them one by one")
  func stepwise() {
    _ = branch.setGoal(c)
    #expect(step(from: a, isStepwise: true) == .list(c))
    branch.steps = StepwiseHistory(target: c, commits: [b, c])
    #expect(step(from: a, isStepwise: true) == .follow(b))
    branch.passed(b)
    #expect(step(from: b, isStepwise: true) == .follow(c))
    _ = branch.setGoal(a)
    #expect(step(from: b, isStepwise: true) == .list(a))
  }

  @Test("waits for work in progress, except for a rollback and at the start")
  func waits() {
    _ = branch.setGoal(c)
    branch.steps = StepwiseHistory(target: c, commits: [b, c])
    #expect(step(from: a, isStepwise: true, isUnderWay: true) == .findRollback([b, c]))
    #expect(step(from: nil, isStepwise: true, isUnderWay: true) == .follow(b))
  }

  @Test("searches the commits for a rollback once for the same running upgrades, and again after a step")
  func search() {
    var steps = StepwiseHistory(target: c, commits: [a, b, c])
    #expect(steps.beginSearch(for: [:]) == false)
    #expect(steps.beginSearch(for: [.shop: "web-1"]) == true)
    #expect(steps.beginSearch(for: [.shop: "web-1"]) == false)
    #expect(steps.beginSearch(for: [.shop: "web-1", .depot: "web-1"]) == true)
    steps.pass(b)
    #expect(steps.commits == [c])
    #expect(steps.beginSearch(for: [.shop: "web-1", .depot: "web-1"]) == true)
    steps.pass(a)
    #expect(steps.commits == [c])
  }

  @Test("does not follow rewritten history until it is approved")
  func rewritten() {
    _ = branch.setGoal(b)
    branch.refuseRewritten(b)
    #expect(step(from: a) == .none)
    #expect(branch.isSettled(at: a) && !branch.needsCommit)
    #expect(branch.setGoal(b) == nil)
    branch.approve(b)
    #expect(branch.approval.head == b)
    #expect(step(from: a) == .follow(b))
    // Its report is withdrawn then, once.
    #expect(branch.setGoal(b) == b)
    #expect(branch.setGoal(b) == nil)
  }

  @Test("withdraws the report on rewritten history when another head arrives")
  func rewrittenAgain() {
    branch.refuseRewritten(b)
    #expect(branch.setGoal(nil) == nil)
    #expect(branch.setGoal(c) == b)
    #expect(step(from: a) == .follow(c))
  }

  @Test("waits for another commit if a head cannot be read or has an invalid layout")
  func unreadable() {
    _ = branch.setGoal(b)
    branch.refuseLayout(of: b)
    #expect(step(from: a) == .none && branch.needsCommit)
    _ = branch.setGoal(c)
    #expect(step(from: a) == .follow(c) && !branch.needsCommit)
    branch.follow()
    #expect(branch.head == .followed)
  }

  @Test("withdraws the report on an unreadable head when another one is followed, or unreadable as well")
  func unreadableReports() {
    #expect(branch.refuseUnreadable(a) == nil)
    #expect(branch.refuseUnreadable(a) == nil)
    #expect(branch.refuseUnreadable(b) == a)
    // A head that is refused itself releases nothing.
    branch.refuseRewritten(c)
    #expect(branch.takeUnreadable(after: c) == nil)
    branch.follow()
    #expect(branch.takeUnreadable(after: b) == nil)
    #expect(branch.takeUnreadable(after: c) == b)
    #expect(branch.takeUnreadable(after: c) == nil)
  }

  @Test("repairs the local repository once for each unreadable head")
  func repair() {
    #expect(branch.beginRepair(for: a) == true)
    #expect(branch.beginRepair(for: a) == false)
    #expect(branch.beginRepair(for: b) == true)
  }

  @Test("finds the fetched or the applied commit by at least seven digits")
  func digits() {
    _ = branch.fetch.succeed(b, [])
    #expect(branch.commit("bbbbbbb", applied: a) == b)
    #expect(branch.commit(a.hex, applied: a) == a)
    #expect(branch.commit("bbbbbb", applied: a) == nil)
    #expect(branch.commit("ccccccc", applied: a) == nil)
  }
}

@Suite("The record of the last attempted revision")
struct LastAttemptedRecordTests {
  private let a = ObjectID.repeating("a")

  @Test("is used if a daemon of this installation wrote it")
  func read() {
    var record = LastAttemptedRecord.unread
    #expect(record.commit == nil)
    record.read(.commit(a))
    #expect(record.commit == a)
    for reading in [LastAttemptedRevision.Reading.none, .unproven] {
      record = .unread
      record.read(reading)
      #expect(record == .none && record.commit == nil)
    }
  }

  @Test("is given up once if the cluster refuses access, until a write succeeds")
  func refused() {
    var record = LastAttemptedRecord.known(a)
    let (first, second) = (record.refuse(), record.refuse())
    #expect(first && !second)
    #expect(record.commit == nil)
    record.wrote(a)
    #expect(record == .known(a))
  }
}

@Suite("Approval of a head")
struct ApprovalStateTests {
  private let a = ObjectID.repeating("a")
  private let b = ObjectID.repeating("b")

  @Test("of an earlier daemon counts unless another head was approved meanwhile")
  func read() {
    var approval = ApprovalState()
    #expect(!approval.isRead && approval.head == nil)
    approval.read(a)
    #expect(approval.head == a)
    approval.read(nil)
    #expect(approval.head == a)
    approval = ApprovalState()
    approval.approve(b)
    approval.read(a)
    #expect(approval.isRead && approval.head == b)
  }

  @Test("ends with another head, but not before the approved one is reconciled")
  func ending() {
    var approval = ApprovalState()
    approval.approve(a)
    #expect(approval.ending(at: a, ahead: [b]) == nil)
    #expect(approval.ending(at: b, ahead: [a]) == nil)
    #expect(approval.ending(at: b, ahead: [b]) == a)
    approval.end(keeping: [])
    // A push that brings the head back does not get the approval again.
    #expect(approval.head == nil && approval.isRead)
    #expect(approval.ending(at: b, ahead: []) == nil)
  }

  @Test("of a deletion that has to wait stays valid under newer heads until git has the cluster again")
  func deletions() {
    var approval = ApprovalState()
    approval.approve(a)
    approval.end(keeping: [.shop, .depot])
    approval.keepDeletions { $0 != .depot }
    #expect(approval.allowsDeletion(of: .shop))
    #expect(!approval.allowsDeletion(of: .depot))
  }
}

@Suite("Which signatures are checked, and what a check blocks")
final class SignatureGateStateTests {
  private let a = ObjectID.repeating("a")
  private let b = ObjectID.repeating("b")
  private let c = ObjectID.repeating("c")
  private var gate = SignatureGate()

  private func blocked(_ head: ObjectID, by commit: ObjectID, goal: ObjectID? = nil) -> SignatureCheck {
    SignatureCheck(
      head: head, goal: goal,
      unverified: UnverifiedCommit(commit: commit, reason: "is not signed", isUnknown: false))
  }

  @Test("each head is checked once; a blocked one again after each fetch, because a key may be added")
  func due() {
    #expect(gate.needsCheck(of: a))
    gate.beginCheck()
    _ = gate.endCheck(SignatureCheck(head: a, goal: a))
    gate.fetched()
    #expect(!gate.needsCheck(of: a) && gate.needsCheck(of: b))
    _ = gate.endCheck(blocked(b, by: b, goal: a))
    #expect(!gate.needsCheck(of: b))
    gate.fetched()
    #expect(gate.needsCheck(of: b))
  }

  @Test("an approval during a check, and a check that failed, lead to another one")
  func again() {
    gate.beginCheck()
    gate.requestCheck()
    _ = gate.endCheck(SignatureCheck(head: a, goal: a))
    #expect(gate.needsCheck(of: a))
    gate.beginCheck()
    gate.failCheck()
    #expect(gate.needsCheck(of: a))
  }

  @Test("a block is news once, and its commits are released when a check no longer blocks them")
  func news() {
    #expect(gate.endCheck(blocked(b, by: a)) == .init(isNews: true, released: []))
    #expect(gate.endCheck(blocked(b, by: a)) == .init(isNews: false, released: []))
    #expect(gate.endCheck(blocked(c, by: a)) == .init(isNews: true, released: [b]))
    #expect(gate.endCheck(SignatureCheck(head: c, goal: c)) == .init(isNews: false, released: [a, c]))
  }

  @Test("the clusters of blocked commits have another report until they are released")
  func clusters() {
    _ = gate.endCheck(blocked(b, by: a))
    #expect(gate.block([.shop]) == [.shop])
    #expect(gate.blocking(.shop)?.commit.commit == a)
    #expect(gate.blocking(.depot) == nil)
    _ = gate.endCheck(SignatureCheck(head: b, goal: b))
    #expect(gate.block([]) == [.shop])
    #expect(gate.blocking(.shop) == nil)
  }
}

@Suite("How far signatures let a branch be followed")
struct CommitRangeTests {
  private let a = ObjectID.repeating("a")
  private let b = ObjectID.repeating("b")
  private let c = ObjectID.repeating("c")

  /// Checks a, b and c, of which some are signed.
  ///
  /// - Returns: the goal, and the unverified commit.
  private func goal(signed: Set<ObjectID>, answersForAll: Bool, merging side: ObjectID? = nil) async
    -> [ObjectID?]
  {
    let range = CommitRange(
      steps: [a, b, c].map { commit in
        CommitRange.Step(commit: commit, commits: (commit == c ? [side].compactMap(\.self) : []) + [commit])
      })
    let (goal, unverified) = await range.stepwise(answersForAll: answersForAll) {
      signed.contains($0) ? .good("ann") : .refused("is not signed")
    }
    return [goal, unverified?.commit]
  }

  @Test("range: follows the commits before the first one that is not signed")
  func range() async {
    #expect(await goal(signed: [a, b, c], answersForAll: false) == [c, nil])
    #expect(await goal(signed: [a, c], answersForAll: false) == [a, b])
    #expect(await goal(signed: [b, c], answersForAll: false) == [nil, a])
  }

  @Test("range: a merge needs signatures on all commits that it brings")
  func merge() async {
    let side = ObjectID.repeating("d")
    #expect(await goal(signed: [a, b, c], answersForAll: false, merging: side) == [b, side])
    #expect(await goal(signed: [a, b, c, side], answersForAll: false, merging: side) == [c, nil])
  }

  @Test("head: the newest signed commit covers all commits before it")
  func head() async {
    #expect(await goal(signed: [c], answersForAll: true) == [c, nil])
    #expect(await goal(signed: [a, b], answersForAll: true) == [b, c])
    #expect(await goal(signed: [], answersForAll: true) == [nil, c])
  }
}

@Suite("Reports on heads that are not followed")
struct HeadReportsTests {
  private let a = ObjectID.repeating("a")
  private let b = ObjectID.repeating("b")
  private let reports = HeadReports(verify: .range, signers: "/etc/signers")

  private func check(isUnknown: Bool = false, head: ObjectID) -> SignatureCheck {
    SignatureCheck(
      head: head, goal: nil,
      unverified: UnverifiedCommit(commit: a, reason: "is not signed", isUnknown: isUnknown))
  }

  @Test("an unsigned head is rejected, and says how to sign it")
  func head() {
    let found = reports.reports(on: check(head: a))
    #expect(found.map(\.commit) == [a])
    #expect(found.first?.report.phase == .rejected)
    #expect(
      found.first?.report.message == """
        aaaaaaa is not signed; sign it with a key in /etc/signers (git commit --amend --no-edit -S), \
        or an administrator lets it pass: kdops sync --accept aaaaaaa
        """)
  }

  @Test("a head behind an unsigned commit waits, and that commit says how to sign the range")
  func behind() {
    let found = reports.reports(on: check(head: b))
    #expect(found.map(\.commit) == [a, b])
    #expect(found.map(\.report.phase) == [.rejected, .waiting])
    #expect(found.first?.report.message?.contains("git rebase --rebase-merges --gpg-sign aaaaaaa~1") == true)
    #expect(
      found.last?.report.message
        == "held back, because it comes after aaaaaaa, which is not signed; its note says what to do")
  }

  @Test("with `head`, a signed commit on top is a way out as well; a missing key lets the commit wait")
  func others() {
    let reports = HeadReports(verify: .head, signers: "s")
    #expect(
      reports.reports(on: check(head: b)).first?.report.message?.contains(
        ", or push a signed commit on top, or") == true)
    let unknown = reports.reports(on: check(isUnknown: true, head: b)).first?.report
    #expect(unknown?.phase == .waiting)
    #expect(unknown?.message?.contains("it is checked again with each fetch; fix that, or an") == true)
    #expect(reports.reports(on: SignatureCheck(head: a, goal: a)).isEmpty)
  }

  @Test("rewritten history names both commits and both ways out")
  func rewritten() {
    let report = HeadReports.rewritten(b, lacking: a)
    #expect(report.phase == .waiting && report.name == "bbbbbbb")
    #expect(
      report.message == """
        history was rewritten: aaaaaaa, the last attempted revision, is no longer in it; push a head that \
        contains aaaaaaa, or accept this one by kdops sync --accept bbbbbbb
        """)
  }

  @Test("the report of an unreadable head says which commit stays applied")
  func unreadable() {
    let error = GitError(.tooLarge, "the tree is too large")
    let report = HeadReports.unreadable(b, error, applied: a)
    #expect(report.phase == .rejected && report.rules == ["file/limit"])
    #expect(report.message?.hasSuffix("; aaaaaaa stays applied") == true)
    #expect(
      HeadReports.unreadable(b, error, applied: nil).message?.hasSuffix("live objects stay unchanged")
        == true)
  }
}
