import ClusterAPI
import Controller
import Diagnostics
import Forge
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
    case .fetched, .blocked, .driftCorrected, .reverted: break
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

/// Sends commit statuses to a forge while this daemon leads.
struct ForgeStatusReporter: ReconcileObserver {
  let forge: ForgeReporter
  let repository: GitRepository
  let leads: @Sendable () -> Bool

  func handle(_ event: ReconcileEvent) async {
    guard case .commit(let report) = event, leads() else { return }
    var time: Int64 = 0
    if let commit = ObjectID(hex: report.commit) {
      time = (try? await repository.commitInfo(commit))?.committer.seconds ?? 0
    }
    await forge.report(report, of: time)
  }
}

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
          message: "its upgrade did not get on; commit \(commit.short) takes it back"))
    case .commit, .cluster, .clusterGone, .blocked, .head, .fetched: break
    }
  }
}

/// Records each fetch in the daemon's activity.
struct ActivityReporter: ReconcileObserver {
  let activity: DaemonActivity

  func handle(_ event: ReconcileEvent) async {
    if case .fetched(let error) = event { activity.fetched(error.map { "\($0)" }) }
  }
}

/// Passes events on to a subscriber outside of the daemon, such as a display.
struct ForwardingReporter: ReconcileObserver {
  let observer: Daemon.Observer
  let api: any ClusterAPI

  func handle(_ event: ReconcileEvent) async {
    switch event {
    case .commit(let report): await observer.commit(report)
    case .cluster(let cluster):
      var path: String?
      if cluster.status?.stall != nil {
        let name = ObjectName(namespace: cluster.reference.namespace, name: cluster.reference.name)
        path = (try? await api.get(.clusters, name))?.annotation(Wire.Annotation.path)
      }
      await observer.cluster(cluster.reference, cluster.status, path)
    case .clusterGone(let reference): await observer.clusterGone(reference)
    case .blocked(let blocked): await observer.blocked(blocked)
    case .head, .driftCorrected, .reverted, .fetched: break
    }
  }
}
