import GitStore
import Reconciler

/// Records each fetch and each reconciled commit in the daemon's activity.
struct ActivityReporter: ReconcileObserver {
  let activity: DaemonActivity

  func handle(_ event: ReconcileEvent) async {
    switch event {
    case .fetched(let error): activity.fetched(error.map { "\($0)" })
    case .reconciled(let head, let requests): activity.reconciled(head?.hex, requests)
    case .commit, .cluster, .clusterGone, .blocked, .head, .driftCorrected, .reverted: break
    }
  }
}
