import ClusterAPI
import GitStore
import Logging
import Manifests
import Reconciler
import Reports
import StatusWriter
import Values

/// What the reconciler stores for the next daemon: reports in git, records in a ConfigMap.
struct DaemonRecords: ReconcileRecords {
  let sink: GitSink
  let blockedChanges: BlockedChangeRecord
  let revision: LastAttemptedRevision
  let logger: Logger
  /// The present time, in whole seconds since 1970.
  let now: @Sendable () -> Int

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
      logger.warning("held.unwritten", metadata: ["error": "\(error)"])
      // A forbidden write is not retried until the blocked changes differ.
      return !error.isTransient && error.kind != .alreadyExists
    }
  }
}
