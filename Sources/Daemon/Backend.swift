import ClusterAPI
import EmbeddedCluster
import FoundationEssentials
import KubeDirector
import Kubernetes
import Logging
import Rules

/// What runs the clusters.
public enum Backend: Sendable {
  case embedded(EmbeddedCluster)
  case kubernetes(any ClusterAPI)

  /// The port to them.
  public var api: any ClusterAPI {
    switch self {
    case .embedded(let cluster): cluster
    case .kubernetes(let api): api
    }
  }

  /// Opens the embedded cluster of a folder, making it where there is none.
  public static func embedded(_ folder: String, _ sandbox: SandboxMode, logger: Logger) async throws
    -> Backend
  {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    return .embedded(
      try await EmbeddedCluster.open(
        directory: folder, sandbox: sandbox, catalog: ImageCatalog([]), logger: logger))
  }
}

extension Tenancy {
  /// The namespaces that clusters may be in, where they are named one by one; nil for all that are ever allowed.
  public var named: [String]? { namespaces.contains("*") ? nil : namespaces }
}

extension ClusterAPI {
  /// This port, without the namespaces that are not the daemon's business.
  public func within(_ policy: Policy) -> any ClusterAPI {
    guard let named = policy.tenancy.named else { return self }
    return Scoped(self, namespaces: named, readable: [policy.systemNamespace])
  }
}
