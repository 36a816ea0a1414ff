import ClusterAPI
import Diagnostics
import FoundationEssentials
import GitStore
import KubeDirector
import Reports
import Values

/// The data that `kdops status` reads and shows at one time.
struct StatusSnapshot: Hashable {
  var clusters: [Object]
  var daemon: DaemonState
  var blocked = BlockedChangeList()
  /// The head of the branch that the daemon has applied last; nil if it is unknown or was not read.
  var head: String?
  /// Why blocked changes cannot be read; nil if they can.
  var blockedProblem: String?
  /// The commit and age of a status from git; empty for a live cluster.
  var age: [String] = []
  /// The source of the status, for programs; nil for a live cluster.
  var origin: JSON?

  /// Whether other output is needed than before. A daemon's repeated fetch is no difference.
  func differs(from other: StatusSnapshot) -> Bool {
    var now = self
    // These contain times that change with each read.
    (now.age, now.origin) = (other.age, other.origin)
    if now.daemon.life == other.daemon.life, now.daemon.problem == other.daemon.problem {
      now.daemon = other.daemon
    }
    return now != other
  }

  /// Whether each cluster is configured without a running upgrade, no change is blocked, and a daemon runs without a
  /// problem. What cannot be read is not healthy, and neither is a named namespace without clusters.
  func isHealthy(_ selection: ClusterSelection) -> Bool {
    daemon.life == .running && daemon.problem == nil && blocked.isEmpty && blockedProblem == nil
      && (selection == .all || !clusters.isEmpty) && clusters.allSatisfy(Self.isHealthy)
  }

  private static func isHealthy(_ cluster: Object) -> Bool {
    guard let status = ClusterStatus(cluster.json["status"]), status.stall == nil else { return false }
    // A status from git reports blocked changes in this condition.
    let reason = status.condition(.progressing)?.reason
    return status.state == .configured && status.upgradeInfo == nil
      && status.observedGeneration >= cluster.generation && reason != .rejected && reason != .waiting
  }
}

/// Reads what `kdops status` shows.
struct StatusReader {
  let source: ClusterSource
  let selection: ClusterSelection
  /// The daemon's installation on Kubernetes.
  let daemon: DaemonSelection
  /// Whether blocked changes are read too.
  let readsBlocked: Bool
  /// Whether the head of the branch is read too.
  let readsHead: Bool
  private var reader: DaemonReader

  init(
    source: ClusterSource, selection: ClusterSelection, daemon: DaemonSelection, readsBlocked: Bool,
    readsHead: Bool = false
  ) {
    (self.source, self.selection, self.daemon) = (source, selection, daemon)
    (self.readsBlocked, self.readsHead) = (readsBlocked, readsHead)
    reader = DaemonReader(source, daemon)
  }

  mutating func read() async throws -> StatusSnapshot {
    if case .git(let repository) = source { return try await readGit(repository) }
    var snapshot = StatusSnapshot(
      clusters: try await source.clusters(selection), daemon: try await reader.read())
    if readsHead { snapshot.head = await source.lastAttempted(daemon) }
    guard readsBlocked else { return snapshot }
    do throws(APIError) {
      snapshot.blocked = selection.select(try await source.blocked(in: daemon.systemNamespace))
    } catch {
      // A user who may read their clusters may lack access to the daemon's namespace.
      guard error.kind == .forbidden else { throw error }
      snapshot.blockedProblem =
        "blocked changes cannot be read: you may not list ConfigMaps in \(daemon.systemNamespace)"
    }
    return snapshot
  }

  private mutating func readGit(_ repository: GitRepository) async throws -> StatusSnapshot {
    let status = try await GitStatusReader(repository)
    var snapshot = StatusSnapshot(
      clusters: try await status.clusters(selection), daemon: try await reader.read())
    snapshot.daemon.written = status.written
    (snapshot.age, snapshot.origin) = (status.age, status.origin)
    return snapshot
  }

  /// Returns nil on a transient server error, so that watching continues.
  mutating func readAgain() async throws -> StatusSnapshot? {
    do {
      return try await read()
    } catch let error as APIError where error.isTransient {
      return nil
    }
  }
}

extension ClusterSelection {
  /// The blocked changes that concern the selected clusters.
  func select(_ all: BlockedChangeList) -> BlockedChangeList {
    switch self {
    case .all: return all
    case .namespace(let namespace):
      return BlockedChangeList(
        changes: all.changes.filter {
          $0.object.namespace == namespace || ![Wire.clusterKind, Wire.appKind].contains($0.object.kind)
        }, omitted: all.omitted)
    case .cluster(let name):
      let cluster = ObjectReference(kind: Wire.clusterKind, namespace: name.namespace, name: name.name)
      return BlockedChangeList(changes: all.changes.filter { $0.concerns(cluster) }, omitted: 0)
    }
  }
}
