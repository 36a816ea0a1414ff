import ClusterAPI
import Control
import EmbeddedCluster
import FoundationEssentials
import GitStore
import KubeDirector
import Kubernetes
import Reconciler
import Reports
import Validation
import Values
import Views

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
    guard let api else { return try await clustersInGit(selection) }
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

  private func clustersInGit(_ selection: ClusterSelection) async throws -> [Object] {
    guard case .git(let repository) = self else { return [] }
    let now = Int64(Date().timeIntervalSince1970)
    let (found, problems) = try await GitStatus.find(in: repository, now: now)
    guard let status = found else {
      if let problem = problems.first { throw problem }
      throw GitError(
        .gone, "this repository has no status of running clusters",
        hint:
          "name the cluster with --embedded=DIR, --kubeconfig FILE or --context NAME, or fetch the status: "
          + "git fetch origin +refs/kdops/status:refs/kdops/status")
    }
    if case .cluster(let name) = selection {
      return [try await status.cluster(namespace: name.namespace, name: name.name)].compactMap(\.?.object)
    }
    return try await status.clusters().filter { selection.contains(namespace: $0.namespace) }
      .sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }.map(\.object)
  }
}

extension ClusterSource {
  /// The commit and age of the status in git; empty for a live cluster.
  func age() async -> [String] {
    guard case .git(let repository) = self else { return [] }
    let now = Int64(Date().timeIntervalSince1970)
    guard let (status, problems) = try? await GitStatus.find(in: repository, now: now) else { return [] }
    return problems.map { "warning: \($0)" } + (status?.words ?? [])
  }

  /// The same for programs; nil for a live cluster.
  func origin() async -> JSON? {
    guard case .git(let repository) = self else { return nil }
    let now = Int64(Date().timeIntervalSince1970)
    guard let found = try? await GitStatus.find(in: repository, now: now).status else { return nil }
    var out: JSON = [
      "commit": .string(found.commit.hex), "written": .string(Timestamp.text(Int(now) - found.age)),
    ]
    out["cluster"] = found.owner?.json
    return out
  }

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

  /// Whether a daemon runs, and its last actions.
  ///
  /// - Parameter lease: The daemon's Lease on Kubernetes.
  func daemon(_ lease: ObjectName) async throws(APIError) -> DaemonState {
    let now = Int(Date().timeIntervalSince1970)
    switch self {
    case .embedded(_, let folder): return await DaemonState.embedded(below: folder)
    case .kubernetes(let client):
      do throws(APIError) {
        return DaemonState(lease: try await client.get(.leases, lease), now: now)
      } catch {
        switch error.kind {
        case .notFound: return DaemonState(lease: nil, now: now)
        // A user who may read clusters may lack access to the daemon's namespace.
        case .forbidden: return DaemonState(.unknown("you may not read the Lease \(lease)"))
        default: throw error
        }
      }
    case .git(let repository):
      var state = DaemonState(
        .unknown("git does not contain this; select the cluster with --embedded=DIR or --context"))
      if let found = try? await GitStatus.find(in: repository, now: Int64(now)).status {
        state.written = now - found.age
      }
      return state
    }
  }

  /// The head of the branch that the daemon has applied last, as it is recorded in the cluster; nil if it is unknown.
  ///
  /// - Parameter lease: The daemon's Lease; the record has the same name and namespace.
  func lastAttempted(_ lease: ObjectName) async -> String? {
    guard let api else { return nil }
    let installation = String(lease.name.dropFirst("kdops-".count))
    let name = ObjectName(
      namespace: lease.namespace, name: BlockedChangeRecord.name(installation: installation))
    return try? await LastAttemptedRevision.shown(in: api.get(.configMaps, name))
  }

  /// Closes the source's connection.
  func close() async {
    if case .kubernetes(let client) = self { await client.shutdown() }
  }
}
