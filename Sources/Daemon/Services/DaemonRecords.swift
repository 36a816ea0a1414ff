import ClusterAPI
import GitStore
import KubeDirector
import Logging
import Manifests
import Reconciler
import Reports
import StatusWriter
import Values

/// The records that the reconciler stores for the next daemon: reports in git, the others in a ConfigMap.
struct DaemonRecords: ReconcileRecords {
  private let sink: GitSink
  private let blockedChanges: BlockedChangeRecord
  private let revision: LastAttemptedRevision
  private let logger: Logger
  private let now: @Sendable () -> Int

  /// - Parameters:
  ///   - namespace: the namespace of the daemon's own objects.
  ///   - now: the present time, in whole seconds since 1970.
  init(
    _ options: Daemon.Options, api: any ClusterAPI, namespace: String, stamp: Stamp, sink: GitSink,
    logger: Logger, now: @escaping @Sendable () -> Int
  ) {
    let installation = options.policy.installation
    blockedChanges = BlockedChangeRecord(api, namespace: namespace, installation: installation)
    revision = LastAttemptedRevision(
      api, namespace: namespace, installation: installation, branch: options.reconciler.branch, stamp: stamp)
    (self.sink, self.logger, self.now) = (sink, logger, now)
  }

  func lastReport(of commit: ObjectID) async -> CommitReport? {
    guard let text = await sink.note(on: commit), let body = NoteText.body(of: text) else { return nil }
    return SettingsFile(path: "note.yaml", bytes: Array(body.utf8)).json.flatMap(CommitReport.init)
  }

  func lastAttempted() async throws(APIError) -> LastAttemptedRevision.Reading { try await revision.read() }

  func storeLastAttempted(_ commit: ObjectID) async throws(APIError) { try await revision.write(commit) }

  func store(_ blocked: BlockedChangeList) async -> Bool {
    do throws(APIError) {
      try await blockedChanges.write(blocked, now: now())
      return true
    } catch {
      logger.warning("blocked.unwritten", metadata: ["error": "\(error)"])
      // A forbidden write is not retried until the blocked changes differ.
      return !error.isTransient && error.kind != .alreadyExists
    }
  }
}
