import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

// Pruning: an object that is gone from git is deleted from the cluster only if nothing suggests a mistake.
extension Reconciler {
  /// Blocks deletions that an administrator must approve first, or that are not valid: deletions of objects that differ
  /// from what was applied, of objects whose file still exists, and of more than half of the clusters at once.
  func applyPruneGuard(_ outcome: inout [Judged], at head: ObjectID, in repository: GitRepository)
    async throws
  {
    // With pruning on, the judge keeps a cluster only if a new file that cannot be read may contain it.
    for index in outcome.indices
    where settings.policy.prune && outcome[index].change == .delete && outcome[index].verdict == .orphaned {
      outcome[index].applyPruneGuard(
        "a new file that cannot be read may contain it", hint: "correct that file, or remove it")
    }
    for index in outcome.indices
    where outcome[index].change == .delete && outcome[index].verdict == .accepted {
      let reference = outcome[index].reference
      if drifted.contains(reference) {
        // The object was edited just now: its drift is corrected first, then it is judged again.
        outcome[index].applyPruneGuard(
          "it was edited outside of git", hint: "nothing to do: it is checked again")
        toJudge.objects.insert(reference)
      } else if let live = outcome[index].live, !stamp.holds(live.json) {
        outcome[index].orphan()
      } else if let path = try await fileLeftBehind(reference, at: head, in: repository) {
        // The commit that last changed the file did not cause the deletion.
        outcome[index].commit =
          try await lastCommit(of: RepositoryLayout.path, at: head, in: repository) ?? head
        outcome[index].applyPruneGuard(
          "its file \(path) is still there, though \(RepositoryLayout.path) no longer makes this object of it",
          hint: "delete the file as well, or put \(RepositoryLayout.path) back")
      }
    }
    guard outcome.contains(where: \.isPrune) else { return }
    let clusters = liveState.applied.references.filter { $0.kind == Wire.clusterKind }
    let missing = clusters.filter { !desired.snapshot.holds($0) }
    let gone = missing.filter { liveState.objects[$0].map { stamp.holds($0.json) } ?? false }
    // Clusters that no installation applied do not belong to this one and count on neither side.
    let all = clusters.count - (missing.count - gone.count)
    guard gone.count * 2 > all, approvedHead != head else { return }
    for index in outcome.indices where outcome[index].isPrune && !allowed.contains(outcome[index].reference) {
      outcome[index].applyPruneGuard(
        gone.count == all
          ? "this would delete every cluster, \(gone.count) in all"
          : "this would delete \(gone.count) of \(all) clusters at once",
        hint: "confirm it by `kdops sync --accept \(head.short)`, or put the files back")
    }
  }

  /// The file of an object that only a change of the layout removed: the file exists and is unchanged, or is no longer
  /// selected.
  private func fileLeftBehind(
    _ reference: ObjectReference, at head: ObjectID, in repository: GitRepository
  ) async throws -> String? {
    guard let live = liveState.objects[reference], let path = live.annotation(Wire.Annotation.path),
      let entry = try await repository.entry(at: path, in: head)
    else { return nil }
    let isUntouched = entry.id.hex == live.annotation(Wire.Annotation.blob)
    return isUntouched || desired.blob(at: path) == nil ? path : nil
  }
}

extension Reconciler.Judged {
  /// Marks the object as orphaned: no daemon applied its present state. It is a copy with this installation's label, or
  /// an object whose drift could not be corrected.
  fileprivate mutating func orphan() {
    verdict = .orphaned
    findings.append(
      Diagnostic(
        rule: ObjectPrune.id, severity: .waiting, object: reference,
        message: "\(reference) is kept: it bears our label, and is not what was applied from git",
        hint: "delete it manually, or remove the label \(Wire.Label.source) off"))
  }

  fileprivate mutating func applyPruneGuard(_ reason: String, hint: String) {
    verdict = .waiting
    findings.append(
      Diagnostic(
        rule: ObjectPrune.id, severity: .waiting, object: reference,
        message: "\(reference) is kept: \(reason)", hint: hint))
  }
}
