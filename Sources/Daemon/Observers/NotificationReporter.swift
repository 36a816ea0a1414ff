import ClusterAPI
import Diagnostics
import GitStore
import Notifications
import Reconciler

/// Announces changes of the status to the receivers of notifications while this daemon leads.
struct NotificationReporter: ReconcileObserver {
  let sender: NotificationSender
  let leads: @Sendable () -> Bool

  func handle(_ event: ReconcileEvent) async {
    guard leads() else { return }
    switch event {
    case .commit(let report): await sender.commit(report)
    case .driftCorrected(let live, let path): await sender.drift(of: Self.reference(live), path: path)
    case .reverted(let cluster, let commit): await sender.reverted(Self.reference(cluster), by: commit.hex)
    case .fetched(let error): await sender.fetched(error.map { "\($0)" })
    case .cluster, .clusterGone, .blocked, .head, .reconciled: break
    }
  }

  private static func reference(_ object: Object) -> ObjectReference {
    ObjectReference(kind: object.kind, namespace: object.namespace, name: object.name)
  }
}
