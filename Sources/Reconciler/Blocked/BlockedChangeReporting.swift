import GitStore
import Reports

// Reports blocked changes in the cluster, for readers without access to git.
extension Reconciler {
  /// Reports the blocked changes if they differ from the last report. Called when a pass has judged everything that it
  /// could, so that a new daemon does not withdraw an earlier daemon's report before it has judged the changes itself.
  func reportBlockedChanges() async {
    let now = BlockedChangeList(
      all: ledger.notApplied.compactMap { BlockedChange($0.report, of: $0.commit.hex) } + refWarnings)
    guard now != reportedBlockedChanges else { return }
    if await delegate.blocked(now) { reportedBlockedChanges = now } else { isRetrying = true }
  }
}
