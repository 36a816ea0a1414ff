import ClusterAPI
import Controller
import GitStore
import KubeDirector
import Reconciler

/// Records corrected drift and automatic reverts as Kubernetes Events.
struct EventReporter: ReconcileObserver {
  let recorder: EventRecorder

  func handle(_ event: ReconcileEvent) async {
    switch event {
    case .driftCorrected(let live, let path):
      recorder.announce(
        RecordedEvent(
          about: live.reference, isWarning: true, reason: "DriftCorrected",
          message:
            "this object was edited outside of git; it was restored to what \(path) says; change the file instead"
        ))
    case .reverted(let cluster, let commit):
      recorder.announce(
        RecordedEvent(
          about: cluster.reference, isWarning: true, reason: "RevertPushed",
          message: "its upgrade made no progress; commit \(commit.short) reverts it"))
    case .commit, .cluster, .clusterGone, .blocked, .head, .fetched, .reconciled: break
    }
  }
}
