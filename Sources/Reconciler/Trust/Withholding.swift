import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Rules
import StatusWriter
import Values

// Reports on commits that are blocked by the signature gate.
extension Reconciler {
  /// Reports the commits that are blocked now, and withdraws the reports of commits that no longer are.
  func tell(_ now: Trust, instead before: Trust?, in repository: GitRepository) async throws {
    var spoken: Set<ObjectID> = []
    if let withheld = now.withheld {
      let report = report(on: withheld, now)
      await record(report, of: withheld.commit, in: repository)
      spoken.insert(withheld.commit)
      if withheld.commit != now.head {
        await record(Self.report(on: now.head, behind: withheld), of: now.head, in: repository)
        spoken.insert(now.head)
      }
      if before?.withheld != withheld || before?.head != now.head {
        logger.warning(
          "commit.held",
          metadata: [
            "commit": "\(withheld.commit.short)", "head": "\(now.head.short)",
            "reason": "\(withheld.reason)", "hint": "\(wayOut(withheld, now))",
          ])
      }
    }
    for commit in heldCommits.subtracting(spoken) {
      let object = Self.reference(of: commit)
      var isFollowed = false
      if let goal = now.goal { isFollowed = (try? await repository.isAncestor(commit, of: goal)) ?? false }
      if isFollowed {
        book.forget(object, of: commit)
        logger.notice("commit.released", metadata: ["commit": "\(commit.short)"])
      } else {
        book.withdraw(object, by: now.head)
      }
    }
    heldCommits = spoken
    let clusters = try await clusters(behind: now, in: repository)
    seen.formUnion(clusters.union(heldClusters))
    heldClusters = clusters
  }

  /// The report for a cluster whose file a blocked commit would change.
  func withheldReport(_ reference: ObjectReference) -> ObjectReport? {
    guard heldClusters.contains(reference), let trust, let withheld = trust.withheld else { return nil }
    var report = report(on: withheld, trust)
    (report.kind, report.namespace, report.name) = (reference.kind, reference.namespace, reference.name)
    return report
  }

  /// The clusters whose files differ between the head and the last commit that is followed.
  private func clusters(
    behind trust: Trust, in repository: GitRepository
  ) async throws -> Set<ObjectReference> {
    guard trust.withheld != nil, let goal = trust.goal else { return [] }
    // A comparison that fails does not stop the commits that are followed.
    guard let changes = try? await repository.diff(base: goal, head: trust.head, desired.layout.selection())
    else {
      return []
    }
    let paths = Set(changes.map { ExactString($0.path) })
    return Set(
      living.objects.filter { reference, object in
        reference.kind == Wire.clusterKind
          && object.annotation(Wire.Annotation.path).map { paths.contains(ExactString($0)) } ?? false
      }.keys)
  }

  static func reference(of commit: ObjectID) -> ObjectReference {
    ObjectReference(kind: commitKind, namespace: "", name: commit.short)
  }

  private func report(on withheld: Withheld, _ trust: Trust) -> ObjectReport {
    ObjectReport(
      kind: Self.commitKind, namespace: "", name: withheld.commit.short, change: ChangeKind.none.rawValue,
      verdict: (withheld.isUnknown ? Verdict.waiting : .rejected).rawValue,
      phase: withheld.isUnknown ? .waiting : .rejected, rules: [CommitSigned.id],
      message: "\(withheld.commit.short) \(withheld.reason); \(wayOut(withheld, trust))")
  }

  private static func report(on head: ObjectID, behind withheld: Withheld) -> ObjectReport {
    ObjectReport(
      kind: commitKind, namespace: "", name: head.short, change: ChangeKind.none.rawValue,
      verdict: Verdict.waiting.rawValue, phase: .waiting, rules: [CommitSigned.id],
      message:
        "held back, because it comes after \(withheld.commit.short), which \(withheld.reason); its note says what to do"
    )
  }

  /// The remediation, with the person who has to act.
  private func wayOut(_ withheld: Withheld, _ trust: Trust) -> String {
    let admin = "or an administrator lets it pass: kdops sync --accept \(trust.head.short)"
    if withheld.isUnknown { return "it is looked at again with each fetch; mend that, \(admin)" }
    let sign =
      withheld.commit == trust.head
      ? "git commit --amend --no-edit -S"
      : "git rebase --rebase-merges --gpg-sign \(withheld.commit.short)~1"
    let more = settings.verify == .head ? ", or push a signed commit on top" : ""
    return "sign it with a key in \(settings.signers) (\(sign))\(more), \(admin)"
  }
}
