import Logging
import Views

extension ProgressBoard {
  /// What tells this board what becomes of commits and clusters.
  ///
  /// - Parameter logger: gets what becomes of commits where there is no terminal; nil for plain lines.
  public nonisolated func witness(_ logger: Logger? = nil) -> Daemon.Witness {
    Daemon.Witness(
      commit: { await self.commit($0, logger) },
      cluster: { await self.cluster($0, $1, path: $2) },
      clusterGone: { await self.clusterGone($0) },
      blocked: { await self.blocked($0) })
  }
}
