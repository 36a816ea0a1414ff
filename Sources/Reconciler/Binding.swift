import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Rules
import StatusWriter

// `atomic: commit`: of what one commit changed, all is applied or nothing.
extension Reconciler {
  /// What is held back of the commits of these objects: it is judged with them.
  func companions(of objects: Set<ObjectReference>) -> Set<ObjectReference> {
    var commits: Set<ObjectID> = []
    for object in objects {
      if let commit = commitOf[object] { commits.insert(commit) }
      if let commit = held[object]?.commit { commits.insert(commit) }
    }
    return held.objects(of: commits)
  }

  /// Lets what a commit changed share the fate of its worst.
  func bind(_ outcome: inout [Judged]) {
    let broken = brokenFiles.map { (path: $0.key.wrappedValue, commit: $0.value) }
    var bound = AtomicCommitGuard(outcome, brokenFiles: broken) { cluster in
      guard let name = desired.snapshot.cluster(cluster)?.spec.app else { return [] }
      return [cluster.namespace, settings.policy.systemNamespace].map { .app($0, name) }
    }
    bound.apply(to: &outcome)
  }
}
