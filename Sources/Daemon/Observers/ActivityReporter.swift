import GitStore
import Reconciler

/// Records each fetch in the daemon's activity.
struct ActivityReporter: ReconcileObserver {
  let activity: DaemonActivity

  func handle(_ event: ReconcileEvent) async {
    if case .fetched(let error) = event { activity.fetched(error.map { "\($0)" }) }
  }
}
