import ClusterAPI
import EmbeddedCluster
import GitStore
import KubeDirector
import Kubernetes
import Reconciler
import Reports

/// The source from which `kdops status` reads clusters.
enum ClusterSource {
  /// The embedded cluster in a folder; another process may be running it.
  case embedded(EmbeddedReader, folder: String)
  /// A Kubernetes API server.
  case kubernetes(KubernetesClient)
  /// The daemon's latest status in a repository.
  case git(GitRepository)

  /// Clusters as objects, sorted by namespace and name.
  func clusters(_ selection: ClusterSelection) async throws -> [Object] {
    if case .git(let repository) = self {
      return try await GitStatusReader(repository).clusters(selection)
    }
    guard let api else { return [] }
    switch selection {
    case .cluster(let name):
      do throws(APIError) {
        return [try await api.get(.clusters, name)]
      } catch {
        guard error.kind == .notFound else { throw error }
        return []
      }
    case .all, .namespace:
      return try await list(.clusters, selection).sorted { $0.objectName < $1.objectName }
    }
  }

  /// Objects of the selected namespaces; none from git.
  ///
  /// - Throws: `APIError`; one for all namespaces that are forbidden names the option for those that are not.
  func list(_ resource: Resource, _ selection: ClusterSelection) async throws(APIError) -> [Object] {
    guard let api else { return [] }
    do throws(APIError) {
      return try await api.list(resource, namespace: selection.namespace, labels: .everything).items
    } catch {
      guard selection.namespace == nil else { throw error }
      throw error.namingNamespaceOption(for: resource.kind)
    }
  }
}

extension ClusterSource {
  /// Whether each read is a request over the network.
  var isRemote: Bool { if case .kubernetes = self { true } else { false } }

  /// Whether members have names; false if they are only counted.
  var namesMembers: Bool { if case .git = self { false } else { true } }

  /// The blocked changes that the daemon last recorded. Empty for git, where they are in the notes and in the
  /// clusters' files.
  ///
  /// - Parameter namespace: The daemon's namespace on Kubernetes.
  func blocked(in namespace: String) async throws(APIError) -> BlockedChangeList {
    switch self {
    case .embedded(let reader, _): return try await BlockedChangeRecord.read(from: reader, namespace: nil)
    case .kubernetes(let client):
      return try await BlockedChangeRecord.read(from: client, namespace: namespace)
    case .git: return BlockedChangeList()
    }
  }

  /// The head of the branch that the daemon has applied last, as it is recorded in the cluster; nil if it is unknown.
  ///
  /// - Parameter daemon: The daemon's installation on Kubernetes.
  func lastAttempted(_ daemon: DaemonSelection) async -> String? {
    guard let api else { return nil }
    let name = ObjectName(
      namespace: daemon.systemNamespace, name: BlockedChangeRecord.name(installation: daemon.installation))
    return try? await LastAttemptedRevision.shown(in: api.get(.configMaps, name))
  }

  /// Closes the source's connection.
  func close() async {
    if case .kubernetes(let client) = self { await client.shutdown() }
  }
}
