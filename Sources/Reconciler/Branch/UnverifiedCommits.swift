import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports
import Rules
import Values

// Reports on commits that are blocked by the signature gate.
extension Reconciler {
  /// Reports the commits that are blocked now, and withdraws the reports of commits that no longer are.
  func tell(_ now: SignatureGate, instead before: SignatureGate?, in repository: GitRepository) async throws {
    var spoken: Set<ObjectID> = []
    if let unverified = now.unverified {
      let report = report(on: unverified, now)
      await record(report, of: unverified.commit, in: repository)
      spoken.insert(unverified.commit)
      if unverified.commit != now.head {
        await record(Self.report(on: now.head, behind: unverified), of: now.head, in: repository)
        spoken.insert(now.head)
      }
      if before?.unverified != unverified || before?.head != now.head {
        logger.warning(
          "commit.held",
          metadata: [
            "commit": "\(unverified.commit.short)", "head": "\(now.head.short)",
            "reason": "\(unverified.reason)", "hint": "\(wayOut(unverified, now))",
          ])
      }
    }
    for commit in blockedCommits.subtracting(spoken) {
      let object = Self.reference(of: commit)
      var isFollowed = false
      if let goal = now.goal { isFollowed = (try? await repository.isAncestor(commit, of: goal)) ?? false }
      if isFollowed {
        ledger.forget(object, of: commit)
        logger.notice("commit.released", metadata: ["commit": "\(commit.short)"])
      } else {
        ledger.withdraw(object, by: now.head)
      }
    }
    blockedCommits = spoken
    let clusters = try await clusters(behind: now, in: repository)
    dirtyClusters.formUnion(clusters.union(blockedClusters))
    blockedClusters = clusters
  }

  /// The report for a cluster whose file a blocked commit would change.
  func withheldReport(_ reference: ObjectReference) -> ObjectReport? {
    guard blockedClusters.contains(reference), let signatureGate, let unverified = signatureGate.unverified
    else { return nil }
    var report = report(on: unverified, signatureGate)
    (report.kind, report.namespace, report.name) = (reference.kind, reference.namespace, reference.name)
    return report
  }

  /// The clusters whose files differ between the head and the last commit that is followed.
  private func clusters(
    behind signatureGate: SignatureGate, in repository: GitRepository
  ) async throws -> Set<ObjectReference> {
    guard signatureGate.unverified != nil, let goal = signatureGate.goal else { return [] }
    // A comparison that fails does not stop the commits that are followed.
    guard
      let changes = try? await repository.diff(
        base: goal, head: signatureGate.head, desired.layout.selection())
    else {
      return []
    }
    let paths = Set(changes.map { ExactString($0.path) })
    return Set(
      liveState.objects.filter { reference, object in
        reference.kind == Wire.clusterKind
          && object.annotation(Wire.Annotation.path).map { paths.contains(ExactString($0)) } ?? false
      }.keys)
  }

  static func reference(of commit: ObjectID) -> ObjectReference {
    ObjectReference(kind: ObjectReport.commitKind, namespace: "", name: commit.short)
  }

  private func report(on unverified: UnverifiedCommit, _ signatureGate: SignatureGate) -> ObjectReport {
    ObjectReport(
      kind: ObjectReport.commitKind, namespace: "", name: unverified.commit.short,
      change: .none,
      verdict: unverified.isUnknown ? .waiting : .rejected,
      phase: unverified.isUnknown ? .waiting : .rejected, rules: [CommitSigned.id],
      message: "\(unverified.commit.short) \(unverified.reason); \(wayOut(unverified, signatureGate))")
  }

  private static func report(on head: ObjectID, behind unverified: UnverifiedCommit) -> ObjectReport {
    ObjectReport(
      kind: ObjectReport.commitKind, namespace: "", name: head.short, change: .none,
      verdict: .waiting, phase: .waiting, rules: [CommitSigned.id],
      message:
        "held back, because it comes after \(unverified.commit.short), which \(unverified.reason); its note says what to do"
    )
  }

  /// The remediation, with the person who has to act.
  private func wayOut(_ unverified: UnverifiedCommit, _ signatureGate: SignatureGate) -> String {
    let admin = "or an administrator lets it pass: kdops sync --accept \(signatureGate.head.short)"
    if unverified.isUnknown { return "it is checked again with each fetch; fix that, \(admin)" }
    let sign =
      unverified.commit == signatureGate.head
      ? "git commit --amend --no-edit -S"
      : "git rebase --rebase-merges --gpg-sign \(unverified.commit.short)~1"
    let more = settings.verify == .head ? ", or push a signed commit on top" : ""
    return "sign it with a key in \(settings.signers) (\(sign))\(more), \(admin)"
  }
}
