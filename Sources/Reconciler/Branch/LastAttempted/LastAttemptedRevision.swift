import ClusterAPI
import GitStore
import KubeDirector
import Values

/// The record of a branch's last attempted revision in the cluster, so that the next daemon detects rewritten history:
/// a field of the installation's ConfigMap.
///
/// The record has a stamp. Anyone who may write the ConfigMap can remove the field or restore an older one, but cannot
/// forge one.
public struct LastAttemptedRevision: Sendable {
  /// The result of reading the record.
  public enum Reading: Sendable, Hashable {
    case commit(ObjectID)
    /// There is no record for this branch.
    case none
    /// The record was not written by a daemon of this installation.
    case unproven
  }

  private let map: RecordMap
  private let branch: String
  private let stamp: Stamp

  private static let field = "worked.json"

  /// - Parameters:
  ///   - namespace: the daemon's own namespace.
  ///   - stamp: the installation's stamp.
  public init(
    _ api: any ClusterAPI, namespace: String, installation: String, branch: String, stamp: Stamp
  ) {
    map = RecordMap(api, namespace: namespace, installation: installation)
    self.branch = branch
    self.stamp = stamp
  }

  /// Reads the record of the last daemon.
  public func read() async throws(APIError) -> Reading {
    guard let found = try await map.read(), found.json["data"]?[Self.field] != nil else { return .none }
    guard let json = RecordMap.json(Self.field, of: found) else { return .unproven }
    guard json["branch"]?.string == branch else { return .none }
    guard let commit = json["commit"]?.string.flatMap(ObjectID.init(hex:)), json == self.json(commit) else {
      return .unproven
    }
    return .commit(commit)
  }

  /// The commit in a record, for users: anyone who may write the record could have forged it.
  public static func shown(in map: Object) -> String? { RecordMap.json(field, of: map)?["commit"]?.string }

  /// Stores the last attempted revision unless the record already has it.
  public func write(_ commit: ObjectID) async throws(APIError) {
    let (old, json) = (try await map.read(), json(commit))
    guard old.flatMap({ RecordMap.json(Self.field, of: $0) }) != json else { return }
    try await map.write(json, to: Self.field, over: old)
  }

  private func json(_ commit: ObjectID) -> JSON {
    [
      "schemaVersion": 1, "branch": .string(branch), "commit": .string(commit.hex),
      "stamp": .string(stamp.of(lastAttempted: commit.hex, branch: branch)),
    ]
  }
}
