import Logging
import Reconciler
import Views

/// Shows the reports of commits and clusters on a progress board.
struct BoardReporter: ReconcileObserver {
  let board: ProgressBoard
  /// Receives the reports of commits if there is no terminal; nil for plain lines.
  let logger: Logger?

  func handle(_ event: ReconcileEvent) async {
    switch event {
    case .commit(let report): await board.commit(report, logger)
    case .cluster(let cluster):
      // The board names the file of a stalled cluster, which a person has to change.
      let path = cluster.status?.stall == nil ? nil : cluster.path
      await board.cluster(cluster.reference, cluster.status, path: path)
    case .clusterGone(let reference): await board.clusterGone(reference)
    case .blocked(let blocked): await board.blocked(blocked)
    case .fetched(let error): await board.fetched(error.map { "\($0)" })
    case .head(let commit, _): await board.head(commit.hex)
    case .driftCorrected, .reverted, .reconciled: break
    }
  }
}

extension ProgressBoard {
  /// The subscriber that shows the reports of commits and clusters on this board.
  ///
  /// - Parameter logger: receives the reports of commits if there is no terminal; nil for plain lines.
  public nonisolated func observer(_ logger: Logger? = nil) -> any ReconcileObserver {
    BoardReporter(board: self, logger: logger)
  }
}
