import ClusterAPI
import Diagnostics
import FoundationEssentials
import KubeDirector
import Reports

/// The data that `kdops status` reads and shows at one time.
struct StatusSnapshot: Hashable {
  var clusters: [Object]
  var daemon: DaemonState
  var blocked = BlockedChangeList()
  /// The head of the branch that the daemon has applied last; nil if it is unknown or was not read.
  var head: String?
  /// Why blocked changes cannot be read; nil if they can.
  var blockedProblem: String?

  /// Whether other output is needed than before. A daemon's repeated fetch is no difference.
  func differs(from other: StatusSnapshot) -> Bool {
    var now = self
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
  /// The daemon's Lease on Kubernetes.
  let lease: ObjectName
  /// Whether blocked changes are read too.
  let readsBlocked: Bool
  /// Whether the head of the branch is read too.
  var readsHead = false

  func read() async throws -> StatusSnapshot {
    var snapshot = StatusSnapshot(
      clusters: try await source.clusters(selection), daemon: try await source.daemon(lease))
    if readsHead { snapshot.head = await source.lastAttempted(lease) }
    guard readsBlocked else { return snapshot }
    do throws(APIError) {
      snapshot.blocked = selection.select(try await source.blocked(in: lease.namespace))
    } catch {
      // A user who may read their clusters may lack access to the daemon's namespace.
      guard error.kind == .forbidden else { throw error }
      snapshot.blockedProblem =
        "blocked changes cannot be read: you may not list ConfigMaps in \(lease.namespace)"
    }
    return snapshot
  }

  /// Returns nil on a transient server error, so that watching continues.
  func readAgain() async throws -> StatusSnapshot? {
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
