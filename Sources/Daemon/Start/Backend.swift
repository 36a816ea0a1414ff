import ClusterAPI
import EmbeddedCluster
import KubeDirector
import Kubernetes
import Logging
import Rules

/// The cluster that a daemon manages: embedded or Kubernetes.
public enum Backend: Sendable {
  case embedded(EmbeddedCluster)
  case kubernetes(any ClusterAPI)

  /// The API of the cluster.
  public var api: any ClusterAPI {
    switch self {
    case .embedded(let cluster): cluster
    case .kubernetes(let api): api
    }
  }

  /// Opens the embedded cluster of a folder and creates it if there is none.
  ///
  /// - Parameters:
  ///   - limits: the resources that a script may use.
  ///   - cgroups: where the kernel limits the total resources of its processes; nil if the daemon monitors them itself.
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
  /// Prepares this process's cgroup for scripts, and logs whether the kernel or the daemon enforces the limits.
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
  /// The namespaces that clusters may be in, if they are listed by name; nil if all are allowed.
  public var named: [String]? { namespaces.contains("*") ? nil : namespaces }
}

extension ClusterAPI {
  /// This API, limited to the namespaces that the daemon manages.
  public func within(_ policy: Policy) -> any ClusterAPI {
    guard let named = policy.tenancy.named else { return self }
    return Scoped(self, namespaces: named, readable: [policy.systemNamespace])
  }
}
