import ClusterAPI
import EmbeddedCluster
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
  ///
  /// - Parameters:
  ///   - limits: what a script may use.
  ///   - cgroups: where the kernel limits what its processes use together; nil for a watch.
  public static func embedded(
    _ folder: String, _ sandbox: SandboxMode, limits: SandboxLimits = SandboxLimits(),
    cgroups: ScriptCgroups? = nil, logger: Logger
  ) async throws -> Backend {
    var options = EmbeddedCluster.Options()
    options.limits = limits
    options.cgroups = cgroups
    return .embedded(
      try await EmbeddedCluster.open(
        directory: folder, sandbox: sandbox, catalog: ImageCatalog([]), logger: logger, options: options))
  }
}

extension ScriptCgroups {
  /// Prepares this process's cgroup for scripts, and says in the log who limits them.
  public static func prepared(for limits: SandboxLimits, _ logger: Logger) -> ScriptCgroups? {
    var metadata: Logger.Metadata = ["memory": "\(limits.totalMemory)", "disk": "\(limits.totalDisk)"]
    do {
      let cgroups = try prepare()
      metadata["cgroup"] = "\(cgroups.folder)"
      logger.info("the kernel limits the memory of scripts, by cgroup v2", metadata: metadata)
      return cgroups
    } catch {
      metadata["reason"] = "\(error)"
      logger.info(
        "the daemon watches the memory of scripts itself: there is no cgroup v2 for them", metadata: metadata)
      return nil
    }
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
