import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Rules
import StatusWriter

// `atomic: commit`: of what one commit changed, all is applied or nothing.
extension Reconciler {
  /// What stands against a commit.
  private struct Fate {
    var verdict: Verdict
    /// The object or file because of which.
    var cause: String
  }

  /// What is held back of the commits of these objects: it is judged with them.
  func companions(of objects: Set<ObjectReference>) -> Set<ObjectReference> {
    var commits: Set<ObjectID> = []
    for object in objects {
      if let commit = commitOf[object] { commits.insert(commit) }
      if let commit = held[object]?.commit { commits.insert(commit) }
    }
    return held.objects(of: commits)
  }

  /// Lets what a commit changed share the fate of its worst. Rollbacks are exempt: nothing may stand in the way of an
  /// emergency. An app that waits until nobody runs it stands against nothing.
  func bind(_ outcome: inout [Judged]) {
    var fates: [ObjectID: Fate] = [:]
    for (path, commit) in brokenFiles { fates[commit] = Fate(verdict: .rejected, cause: path.wrappedValue) }
    for one in outcome {
      let isQuiet = one.reference.kind == Wire.appKind
      guard one.verdict == .rejected || (one.verdict == .waiting && !isQuiet),
        fates[one.commit]?.verdict != .rejected
      else { continue }
      fates[one.commit] = Fate(verdict: one.verdict, cause: "\(one.reference)")
    }
    var isNews = true
    while isNews {
      isNews = false
      let missing = Set(
        outcome.filter {
          $0.reference.kind == Wire.appKind && $0.change == .create && $0.verdict != .accepted
        }.map(\.reference))
      for index in outcome.indices where outcome[index].verdict == .accepted {
        guard outcome[index].change != .rollback else { continue }
        if let fate = fates[outcome[index].commit] {
          outcome[index].share(fate.verdict, "the same commit changes \(fate.cause)")
          isNews = true
        } else if let app = app(of: outcome[index].reference, among: missing) {
          fates[outcome[index].commit] = Fate(verdict: .waiting, cause: "\(outcome[index].reference)")
          outcome[index].share(.waiting, "its app \(app) is held back")
          isNews = true
        }
      }
    }
  }

  private func app(of cluster: ObjectReference, among apps: Set<ObjectReference>) -> ObjectReference? {
    guard !apps.isEmpty, let name = desired.snapshot.cluster(cluster)?.spec.app else { return nil }
    let places = [cluster.namespace, settings.policy.systemNamespace]
    return places.map { .app($0, name) }.first(where: apps.contains)
  }
}

extension Reconciler.Judged {
  fileprivate mutating func share(_ verdict: Verdict, _ reason: String) {
    self.verdict = verdict
    findings.append(
      Diagnostic(
        rule: CommitAtomic.id, severity: verdict == .rejected ? .error : .waiting, object: reference,
        message: "\(reference) is held back: \(reason), which is \(verdict.rawValue)",
        hint: verdict == .rejected
          ? "mend that, and this is applied with it" : "nothing to do: they are applied together"))
  }
}
