import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import Rules

// `atomic: commit`: all changes of one commit are applied, or none.
extension Reconciler {
  /// The blocked changes of the commits of these objects; they are judged together.
  func companions(of objects: Set<ObjectReference>) -> Set<ObjectReference> {
    var commits: Set<ObjectID> = []
    for object in objects {
      if let commit = commitOf[object] { commits.insert(commit) }
      if let commit = blocked[object]?.commit { commits.insert(commit) }
    }
    return blocked.objects(of: commits)
  }

  /// Gives all changes of a commit the worst verdict among them.
  func applyAtomicCommitGuard(_ outcome: inout [Judged]) {
    let broken = brokenFiles.map { (path: $0.key.wrappedValue, commit: $0.value) }
    var bound = AtomicCommitGuard(outcome, brokenFiles: broken) { cluster in
      guard let name = desired.snapshot.cluster(cluster)?.spec.app else { return [] }
      return [cluster.namespace, settings.policy.systemNamespace].map { .app($0, name) }
    }
    bound.apply(to: &outcome)
  }
}
