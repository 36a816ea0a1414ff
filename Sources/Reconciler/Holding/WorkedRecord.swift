import ClusterAPI
import GitStore
import KubeDirector
import Values

/// Where the cluster keeps which commit of a branch was worked off last, so that whichever daemon comes next notices
/// rewritten history: a field of the installation's ConfigMap.
///
/// It bears a stamp. Who may write the ConfigMap can take the field away, or put an older one back; he can make none.
public struct WorkedRecord: Sendable {
  /// What is found there.
  public enum Reading: Sendable, Hashable {
    case commit(ObjectID)
    /// None of this branch.
    case none
    /// One that no daemon of the installation wrote.
    case unproven
  }

  private let map: RecordMap
  private let branch: String
  private let stamp: Stamp

  private static let field = "worked.json"

  /// - Parameters:
  ///   - namespace: the daemon's own.
  ///   - stamp: the installation's.
  public init(
    _ api: any ClusterAPI, namespace: String, installation: String, branch: String, stamp: Stamp
  ) {
    map = RecordMap(api, namespace: namespace, installation: installation)
    self.branch = branch
    self.stamp = stamp
  }

  /// What the daemon that worked last has left there.
  public func read() async throws(APIError) -> Reading {
    guard let found = try await map.read(), found.json["data"]?[Self.field] != nil else { return .none }
    guard let json = RecordMap.json(Self.field, of: found) else { return .unproven }
    guard json["branch"]?.string == branch else { return .none }
    guard let commit = json["commit"]?.string.flatMap(ObjectID.init(hex:)), json == self.json(commit) else {
      return .unproven
    }
    return .commit(commit)
  }

  /// Writes which commit was worked off, where it is not there already.
  public func write(_ commit: ObjectID) async throws(APIError) {
    let (old, json) = (try await map.read(), json(commit))
    guard old.flatMap({ RecordMap.json(Self.field, of: $0) }) != json else { return }
    try await map.write(json, to: Self.field, over: old)
  }

  private func json(_ commit: ObjectID) -> JSON {
    [
      "schemaVersion": 1, "branch": .string(branch), "commit": .string(commit.hex),
      "stamp": .string(stamp.of(worked: commit.hex, branch: branch)),
    ]
  }
}
