import GitStore
import StatusWriter

// What is held, told to those who look at the cluster and not at git.
extension Reconciler {
  /// Tells what is held where it is something else than before. Called when a round has judged all that it could: an
  /// earlier daemon's word is not taken back by one that has not looked yet.
  func tellOfHeld() async {
    let now = HeldChanges(
      all: book.notApplied.compactMap { HeldChange($0.report, of: $0.commit.hex) } + refWarnings)
    guard now != heldTold else { return }
    if await outlets.held(now) { heldTold = now } else { isRetrying = true }
  }
}
