import Forge
import GitStore
import Reconciler
import Reports

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

/// Writes the outcome of commits into comments on their merge requests while this daemon leads.
struct CommentObserver: ReconcileObserver {
  let comments: CommentReporter
  let leads: @Sendable () -> Bool

  func handle(_ event: ReconcileEvent) async {
    guard case .commit(let report) = event, leads() else { return }
    await comments.report(report)
  }
}
