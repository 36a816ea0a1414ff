import ClusterAPI
import Control
import FoundationEssentials
import Reports

/// Reads, once or repeatedly, whether a daemon runs and its last actions.
struct DaemonReader {
  private let source: ClusterSource
  private let daemon: DaemonSelection
  private var lease = LeaseObservation()

  init(_ source: ClusterSource, _ daemon: DaemonSelection) { (self.source, self.daemon) = (source, daemon) }

  /// For git, only what is known without the status: see `GitStatusReader`.
  mutating func read() async throws(APIError) -> DaemonState {
    switch source {
    case .embedded(_, let folder): return await DaemonState.embedded(below: folder)
    case .kubernetes(let client):
      let found: Object?
      do throws(APIError) { found = try await client.get(.leases, daemon.lease) } catch {
        switch error.kind {
        case .notFound: found = nil
        // A user who may read clusters may lack access to the daemon's namespace.
        case .forbidden: return DaemonState(.unknown("you may not read the Lease \(daemon.lease)"))
        default: throw error
        }
      }
      return lease.state(of: found, at: .now, wall: Int(Date().timeIntervalSince1970))
    case .git:
      return DaemonState(
        .unknown("git does not contain this; select the cluster with --embedded=DIR or --context"))
    }
  }
}
