import GitStore
import StatusWriter

// Reports blocked changes in the cluster, for readers without access to git.
extension Reconciler {
  /// Reports the blocked changes if they differ from the last report. Called when a pass has judged everything that it
  /// could, so that a new daemon does not withdraw an earlier daemon's report before it has judged the changes itself.
  func tellOfHeld() async {
    let now = HeldChanges(
      all: book.notApplied.compactMap { HeldChange($0.report, of: $0.commit.hex) } + refWarnings)
    guard now != heldTold else { return }
    if await outlets.held(now) { heldTold = now } else { isRetrying = true }
  }
}
