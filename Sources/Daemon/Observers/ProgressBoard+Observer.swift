import Logging
import Views

extension ProgressBoard {
  /// The subscriber that passes the reports of commits and clusters to this board.
  ///
  /// - Parameter logger: receives the reports of commits if there is no terminal; nil for plain lines.
  public nonisolated func observer(_ logger: Logger? = nil) -> Daemon.Observer {
    Daemon.Observer(
      commit: { await self.commit($0, logger) },
      cluster: { await self.cluster($0, $1, path: $2) },
      clusterGone: { await self.clusterGone($0) },
      blocked: { await self.blocked($0) }, fetched: { await self.fetched($0) }, head: { await self.head($0) })
  }
}
