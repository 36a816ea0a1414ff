import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

/// Blocks deletions that may be mistakes, and large ones that an administrator has not approved.
struct PruneGuard {
  /// A sign that the deletion of an object is a mistake.
  enum Doubt: Hashable {
    /// The object was edited just now: its drift is corrected first, then it is judged again.
    case drifted
    /// No daemon applied the object's present state.
    case unproven
    /// A change of the layout removed the object, and its file still exists.
    case fileLeftBehind(path: String, layoutCommit: ObjectID)
  }

  /// The number of the installation's clusters that git no longer contains, and of all its clusters.
  struct Extent: Hashable {
    var gone: Int
    var all: Int
  }

  /// The head that is judged.
  let head: ObjectID
  let isPruning: Bool

  /// Changes the verdicts on deletions for which there is a doubt.
  func apply(_ doubts: [ObjectReference: Doubt], to changes: inout [JudgedChange]) {
    for index in changes.indices where changes[index].change == .delete {
      switch changes[index].verdict {
      case .orphaned where isPruning:
        // With pruning on, the judge keeps a removed cluster only because a new file that cannot be read may contain
        // it.
        changes[index].keep(
          "a new file that cannot be read may contain it", hint: "correct that file, or remove it")
      case .accepted:
        if let doubt = doubts[changes[index].reference] { apply(doubt, to: &changes[index]) }
      default: break
      }
    }
  }

  private func apply(_ doubt: Doubt, to change: inout JudgedChange) {
    switch doubt {
    case .drifted:
      change.keep("it was edited outside of git", hint: "nothing to do: it is checked again")
    case .unproven: change.orphan()
    case .fileLeftBehind(let path, let commit):
      // The commit that last changed the file did not cause the deletion.
      change.commit = commit
      change.keep(
        "its file \(path) is still there, though \(RepositoryLayout.path) no longer makes this object of it",
        hint: "delete the file as well, or put \(RepositoryLayout.path) back")
    }
  }

  /// Blocks the deletion of more than half of the clusters at once, unless it was approved.
  func apply(_ extent: Extent, _ approval: ApprovalState, to changes: inout [JudgedChange]) {
    let (gone, all) = (extent.gone, extent.all)
    guard gone * 2 > all, approval.head != head else { return }
    for index in changes.indices
    where changes[index].isPrune && !approval.allowsDeletion(of: changes[index].reference) {
      changes[index].keep(
        gone == all
          ? "this would delete every cluster, \(gone) in all"
          : "this would delete \(gone) of \(all) clusters at once",
        hint: "approve it with `kdops sync --accept \(head.short)`, or put the files back")
    }
  }
}

extension JudgedChange {
  /// Marks the object as orphaned: it is a copy with this installation's label, or an object whose drift could not be
  /// corrected.
  fileprivate mutating func orphan() {
    verdict = .orphaned
    findings.append(
      Diagnostic(
        rule: ObjectPrune.id, severity: .waiting, object: reference,
        message:
          "\(reference) is kept: it has the label of this installation, but its content was not applied from git",
        hint: "delete it manually, or remove its label \(Wire.Label.source)"))
  }

  fileprivate mutating func keep(_ reason: String, hint: String) {
    verdict = .waiting
    findings.append(
      Diagnostic(
        rule: ObjectPrune.id, severity: .waiting, object: reference,
        message: "\(reference) is kept: \(reason)", hint: hint))
  }
}
