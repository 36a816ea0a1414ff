import ClusterAPI
import GitStore
import KubeDirector
import Logging
import Reconciler
import Reports
import StatusWriter

/// Writes the reports of the reconciler to git.
actor StatusReporter: ReconcileObserver {
  private let writer: StatusWriter
  private let sink: GitSink
  private let api: any ClusterAPI
  private let logger: Logger
  /// Whether the writer has received the list of existing clusters.
  private var hasClusters = false

  init(_ writer: StatusWriter, _ sink: GitSink, _ api: any ClusterAPI, _ logger: Logger) {
    (self.writer, self.sink, self.api, self.logger) = (writer, sink, api, logger)
  }

  func handle(_ event: ReconcileEvent) async {
    switch event {
    case .commit(let report): await writer.report(report)
    case .cluster(let cluster):
      let (reference, report) = (cluster.reference, cluster.report)
      await writer.clusterChanged(
        ClusterFile(
          namespace: reference.namespace, name: reference.name, status: cluster.status,
          noWayBack: cluster.rolesPastNoReturn, verdict: report?.verdict, phase: report?.phase,
          message: report?.message))
    case .clusterGone(let reference):
      await writer.clusterGone(namespace: reference.namespace, name: reference.name)
    case .head: await sendClusters()
    case .fetched(nil):
      guard await sink.isOverwritten() else { return }
      logger.notice("status.overwritten", metadata: ["hint": "it is written again"])
      await writer.writeAgain()
    case .fetched, .blocked, .driftCorrected, .reverted, .reconciled: break
    }
  }

  /// Lets the writer remove files of deleted clusters. The status tree was fetched before the first head.
  private func sendClusters() async {
    guard !hasClusters, let all = try? await api.list(.clusters, namespace: nil, labels: .everything) else {
      return
    }
    await writer.clustersAre(all.items.map { ($0.namespace, $0.name) })
    hasClusters = true
  }
}
