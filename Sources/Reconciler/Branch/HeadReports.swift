import Diagnostics
import GitStore
import KubeDirector
import Manifests
import Reports
import Rules
import Signatures

/// Makes the reports on whole commits that are not followed.
struct HeadReports: Sendable {
  /// Which commits have to be signed.
  let verify: SignaturePolicy.Mode
  /// The location of the keys of allowed signers, as shown to people.
  let signers: String

  static func reference(of commit: ObjectID) -> ObjectReference {
    ObjectReference(kind: ObjectReport.commitKind, namespace: "", name: commit.short)
  }

  private static func report(
    on commit: ObjectID, _ phase: Phase, rules: [String], _ message: String
  ) -> ObjectReport {
    let verdict = phase == .rejected ? Verdict.rejected : .waiting
    return ObjectReport(
      kind: ObjectReport.commitKind, namespace: "", name: commit.short, change: .none,
      verdict: verdict, phase: phase, rules: rules, message: message)
  }

  // MARK: Rewritten history

  /// The remediation for a head that does not contain the last attempted revision.
  static func remedy(forRewritten head: ObjectID, lacking lastAttempted: ObjectID) -> String {
    "push a head that contains \(lastAttempted.short), or accept this one by kdops sync --accept \(head.short)"
  }

  static func rewritten(_ head: ObjectID, lacking lastAttempted: ObjectID) -> ObjectReport {
    report(
      on: head, .waiting, rules: [CommitHistory.id],
      "history was rewritten: \(lastAttempted.short), the last attempted revision, is no longer in it; "
        + remedy(forRewritten: head, lacking: lastAttempted))
  }

  // MARK: Unreadable heads

  /// Says which revision stays applied while a head cannot be read.
  ///
  /// - Parameter applied: the commit that was reconciled last.
  static func consequence(applied: ObjectID?) -> String {
    applied.map { "\($0.short) stays applied" }
      ?? "nothing is applied, and live objects stay unchanged"
  }

  static func unreadable(_ head: ObjectID, _ error: GitError, applied: ObjectID?) -> ObjectReport {
    let finding = Diagnostic(unreadable: error) ?? Diagnostic(unreadableHead: error)
    return report(
      on: head, .rejected, rules: [finding.rule],
      "\(error.path.map { "\($0): " } ?? "")\(finding.sentence); \(consequence(applied: applied))")
  }

  // MARK: Unverified commits

  /// The reports of a signature check: on the unverified commit, and on the head behind it.
  func reports(on check: SignatureCheck) -> [(commit: ObjectID, report: ObjectReport)] {
    guard let unverified = check.unverified else { return [] }
    let first = (commit: unverified.commit, report: report(on: unverified, check))
    guard unverified.commit != check.head else { return [first] }
    return [first, (commit: check.head, report: Self.report(on: check.head, behind: unverified))]
  }

  func report(on unverified: UnverifiedCommit, _ check: SignatureCheck) -> ObjectReport {
    Self.report(
      on: unverified.commit, unverified.isUnknown ? .waiting : .rejected, rules: [CommitSigned.id],
      "\(unverified.commit.short) \(unverified.reason); \(remedy(for: unverified, check))")
  }

  private static func report(on head: ObjectID, behind unverified: UnverifiedCommit) -> ObjectReport {
    report(
      on: head, .waiting, rules: [CommitSigned.id],
      "held back, because it comes after \(unverified.commit.short), which \(unverified.reason); its note says what to do"
    )
  }

  /// The remediation for an unverified commit, and who has to carry it out.
  func remedy(for unverified: UnverifiedCommit, _ check: SignatureCheck) -> String {
    let admin = "or an administrator lets it pass: kdops sync --accept \(check.head.short)"
    if unverified.isUnknown { return "it is checked again with each fetch; fix that, \(admin)" }
    let sign =
      unverified.commit == check.head
      ? "git commit --amend --no-edit -S"
      : "git rebase --rebase-merges --gpg-sign \(unverified.commit.short)~1"
    let more = verify == .head ? ", or push a signed commit on top" : ""
    return "sign it with a key in \(signers) (\(sign))\(more), \(admin)"
  }
}

extension Diagnostic {
  /// The finding for a head with data that is missing or damaged at the remote.
  fileprivate init(unreadableHead error: GitError) {
    self.init(
      rule: FileRule.tree, severity: .error, location: error.path.map { SourceLocation(file: $0) },
      message: error.message, hint: error.hint)
  }
}
