import Reconciler

/// Records the reports of commits and clusters in a watch.
struct WatchReporter: ReconcileObserver {
  let watch: DaemonWatch

  func handle(_ event: ReconcileEvent) async {
    switch event {
    case .commit(let report): await watch.commit(report)
    case .cluster(let cluster): await watch.cluster(cluster.reference, cluster.status)
    case .clusterGone, .blocked, .head, .driftCorrected, .reverted, .fetched, .reconciled: break
    }
  }
}

/// Records only the reports of commits, for a caller that observes the clusters itself.
struct CommitWatchReporter: ReconcileObserver {
  let watch: DaemonWatch

  func handle(_ event: ReconcileEvent) async {
    if case .commit(let report) = event { await watch.commit(report) }
  }
}

extension DaemonWatch {
  /// The subscriber that records the reports of commits and clusters here.
  public nonisolated var observer: any ReconcileObserver { WatchReporter(watch: self) }

  /// The subscriber that records only the reports of commits here.
  public nonisolated var commitObserver: any ReconcileObserver { CommitWatchReporter(watch: self) }
}
