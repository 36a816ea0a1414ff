import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports
import Values

// The signature gate: follows commits only as far as the administrator's signature policy allows.
extension Reconciler {
  /// The commit up to which the branch is followed: its head, or the last one that the signatures allow.
  func checkSignatures(to head: ObjectID) async throws -> ObjectID? {
    guard let verification else { return head }
    guard branch.signatures.needsCheck(of: head) else { return branch.signatures.last?.goal }
    branch.signatures.beginCheck()
    do {
      var check = SignatureCheck(head: head, goal: head)
      if branch.approval.head != head { check = try await self.check(head, verification) }
      try await report(check)
      return check.goal
    } catch {
      branch.signatures.failCheck()
      throw error
    }
  }

  /// Nil if no signatures are required.
  private var verification: SignatureVerification? {
    guard settings.verify != .none, let checker = settings.checker else { return nil }
    return SignatureVerification(
      repository: repository, checker: checker, stamp: stamp, answersForAll: settings.verify == .head)
  }

  private func check(
    _ head: ObjectID, _ verification: SignatureVerification
  ) async throws -> SignatureCheck {
    let accepted = liveState.commits.filter { commit in
      liveState.objects(of: commit).contains { liveState.objects[$0].map { stamp.holds($0.json) } ?? false }
    }
    let request = SignatureVerification.Request(
      head: head, lastAttempted: try await availableLastAttempted(), accepted: accepted)
    let range = try await verification.range(request)
    if range.steps.count >= Self.loggedRange {
      logger.info("signatures.checking", metadata: ["commits": "\(range.steps.count)"])
    }
    return try await verification.check(range, request)
  }

  /// The number of commits from which a signature check is logged.
  private static let loggedRange = 500

  /// Reports the commits that are blocked now, and withdraws the reports of commits that no longer are.
  private func report(_ check: SignatureCheck) async throws {
    for (commit, report) in headReports.reports(on: check) { await record(report, of: commit) }
    let clusters = try await clusters(behind: check)
    let outcome = branch.signatures.endCheck(check)
    if outcome.isNews, let unverified = check.unverified {
      logger.warning(
        "commit.blocked",
        metadata: [
          "commit": "\(unverified.commit.short)", "head": "\(check.head.short)",
          "reason": "\(unverified.reason)", "hint": "\(headReports.remedy(for: unverified, check))",
        ])
    }
    for commit in outcome.released {
      let object = HeadReports.reference(of: commit)
      var isFollowed = false
      if let goal = check.goal {
        isFollowed = (try? await repository.isAncestor(commit, of: goal)) ?? false
      }
      if isFollowed {
        ledger.forget(object, of: commit)
        logger.notice("commit.released", metadata: ["commit": "\(commit.short)"])
      } else {
        ledger.withdraw(object, by: check.head)
      }
    }
    ledger.markDirty(branch.signatures.block(clusters))
  }

  /// The clusters whose files differ between the head and the last commit that is followed.
  private func clusters(behind check: SignatureCheck) async throws -> Set<ObjectReference> {
    guard check.unverified != nil, let goal = check.goal else { return [] }
    // A comparison that fails does not stop the commits that are followed.
    let selection = try desired.layout.selection()
    guard let changes = try? await repository.diff(base: goal, head: check.head, selection) else { return [] }
    let paths = Set(changes.map { ExactString($0.path) })
    return Set(
      liveState.objects.filter { reference, object in
        reference.kind == Wire.clusterKind
          && object.annotation(Wire.Annotation.path).map { paths.contains(ExactString($0)) } ?? false
      }.keys)
  }

  /// The report for a cluster whose file a blocked commit would change.
  func blockedReport(of cluster: ObjectReference) -> ObjectReport? {
    guard let (check, commit) = branch.signatures.blocking(cluster) else { return nil }
    var report = headReports.report(on: commit, check)
    (report.kind, report.namespace, report.name) = (cluster.kind, cluster.namespace, cluster.name)
    return report
  }

  private var headReports: HeadReports { HeadReports(verify: settings.verify, signers: settings.signers) }
}
