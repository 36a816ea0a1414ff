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
  ///
  /// - Parameter name: Nil for all clusters.
  func clusters(_ name: ObjectName?) async throws -> [Object] {
    switch self {
    case .embedded(let reader, _):
      return try await Self.clusters(
        name, get: { name throws(APIError) in try await reader.get(.clusters, name) }
      ) {
        () throws(APIError) in try await reader.list(.clusters, namespace: nil, labels: .everything).items
      }
    case .kubernetes(let client):
      return try await Self.clusters(
        name, get: { name throws(APIError) in try await client.get(.clusters, name) }
      ) {
        () throws(APIError) in try await client.list(.clusters, namespace: nil, labels: .everything).items
      }
    case .git(let repository):
      let now = Int64(Date().timeIntervalSince1970)
      let (found, problems) = try await GitStatus.find(in: repository, now: now)
      guard let status = found else {
        if let problem = problems.first { throw problem }
        throw GitError(
          .gone, "this repository has no status of running clusters",
          hint: "name the cluster with --embedded=DIR, or fetch the status: "
            + "git fetch origin +refs/kdops/status:refs/kdops/status")
      }
      if let name {
        return [try await status.cluster(namespace: name.namespace, name: name.name)].compactMap(\.?.object)
      }
      return try await status.clusters()
        .sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }.map(\.object)
    }
  }
}

extension ClusterSource {
  private static func clusters(
    _ name: ObjectName?, get: (ObjectName) async throws(APIError) -> Object,
    list: () async throws(APIError) -> [Object]
  ) async throws(APIError) -> [Object] {
    guard let name else {
      return try await list().sorted { ($0.namespace, $0.name) < ($1.namespace, $1.name) }
    }
    do throws(APIError) {
      return [try await get(name)]
    } catch {
      guard error.kind == .notFound else { throw error }
      return []
    }
  }

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
  func held(in namespace: String) async throws(APIError) -> BlockedChangeList {
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

  /// Closes the source's connection.
  func close() async {
    if case .kubernetes(let client) = self { await client.shutdown() }
  }
}
