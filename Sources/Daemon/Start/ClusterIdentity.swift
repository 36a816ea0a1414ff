import ClusterAPI
import KubeDirector
import Logging
import ServiceLifecycle

/// The identity of an installation on a cluster. Both parts come from one Secret, which the first daemon creates.
struct ClusterIdentity: Sendable {
  /// Authenticates the objects that the installation applies.
  let stamp: Stamp
  /// No other cluster has the same id.
  let id: String

  /// Reads the identity, or creates it if there is none. A server that is unavailable is tried again for about two
  /// minutes; after that, the supervisor restarts the daemon.
  ///
  /// - Parameter namespace: the namespace of the daemon's own objects.
  static func obtain(
    from api: any ClusterAPI, namespace: String, installation: String, logger: Logger
  ) async throws -> ClusterIdentity {
    try await StartupRetry.retrying(limit: 10) { error, wait in
      logger.warning(
        "apiserver.unavailable", metadata: ["error": "\(error)", "retry": "\(wait.components.seconds)s"])
    } sleep: { wait in
      try await cancelWhenGracefulShutdown { try await Task.sleep(for: wait) }
    } _: { () throws(APIError) in
      try await read(from: api, namespace: namespace, installation: installation)
    }
  }

  private static func read(
    from api: any ClusterAPI, namespace: String, installation: String
  ) async throws(APIError) -> ClusterIdentity {
    let stamp = try await StampKey.obtain(from: api, namespace: namespace, installation: installation)
    let id = try await StampKey.clusterID(from: api, namespace: namespace, installation: installation)
    return ClusterIdentity(stamp: stamp, id: id)
  }
}
