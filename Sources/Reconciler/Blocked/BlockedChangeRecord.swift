import ClusterAPI
import KubeDirector
import Reports
import Values

/// The record of blocked changes in the cluster, for readers without access to git: a field of the installation's
/// ConfigMap.
///
/// The daemon writes the record on each change and bases no decision on it. The record of a daemon that died stays
/// until the next one has judged the changes itself. The field beside it, on which a decision is based, is a
/// `LastAttemptedRevision`.
public struct BlockedChangeRecord: Sendable {
  private let map: RecordMap

  /// The name of the ConfigMap.
  public static func name(installation: String) -> String { RecordMap.name(installation: installation) }

  private static let field = "held.json"

  /// - Parameter namespace: the daemon's own namespace.
  public init(_ api: any ClusterAPI, namespace: String, installation: String) {
    map = RecordMap(api, namespace: namespace, installation: installation)
  }

  /// Writes the blocked changes unless the record already has them. If there are none, and there is no record, none is
  /// created.
  ///
  /// - Parameter now: in whole seconds since 1970.
  public func write(_ blocked: BlockedChangeList, now: Int) async throws(APIError) {
    let old = try await map.read()
    guard (old.map(Self.blocked) ?? BlockedChangeList()) != blocked else { return }
    try await map.write(Self.json(blocked, now), to: Self.field, over: old)
  }

  /// Reads the blocked changes of all installations of a namespace.
  ///
  /// - Parameter namespace: nil for all namespaces.
  public static func read(
    from api: any ClusterAPI, namespace: String?
  ) async throws(APIError) -> BlockedChangeList {
    let records = try await api.list(
      .configMaps, namespace: namespace, labels: LabelSelector(equals: RecordMap.labels)
    ).items.sorted { $0.objectName < $1.objectName }.map(blocked)
    return BlockedChangeList(
      changes: records.flatMap(\.changes), omitted: records.reduce(0) { $0 + $1.omitted })
  }

  private static func json(_ blocked: BlockedChangeList, _ now: Int) -> JSON {
    [
      "schemaVersion": 1, "written": .string(Timestamp.text(now)),
      "held": .array(blocked.changes.map(\.json)), "omitted": JSON(blocked.omitted),
    ]
  }

  private static func blocked(_ map: Object) -> BlockedChangeList {
    guard let json = RecordMap.json(field, of: map) else { return BlockedChangeList() }
    return BlockedChangeList(
      changes: (json["held"]?.array ?? []).compactMap(BlockedChange.init),
      omitted: json["omitted"]?.count() ?? 0)
  }
}
