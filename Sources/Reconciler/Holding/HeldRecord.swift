import ClusterAPI
import KubeDirector
import Values

/// Where whoever looks at the cluster alone reads what is held: a field of the installation's ConfigMap.
///
/// The daemon writes it on change and never decides anything by it. What one that died has left there stands until the
/// next one has judged for itself. The field beside it, by which something is decided, is a `WorkedRecord`.
public struct HeldRecord: Sendable {
  private let map: RecordMap

  /// The name of the ConfigMap.
  public static func name(installation: String) -> String { RecordMap.name(installation: installation) }

  private static let field = "held.json"

  /// - Parameter namespace: the daemon's own.
  public init(_ api: any ClusterAPI, namespace: String, installation: String) {
    map = RecordMap(api, namespace: namespace, installation: installation)
  }

  /// Writes what is held now, where it is not there already. Where nothing is held, and nothing was, nothing is made.
  ///
  /// - Parameter now: in whole seconds since 1970.
  public func write(_ held: HeldChanges, now: Int) async throws(APIError) {
    let old = try await map.read()
    guard (old.map(Self.held) ?? HeldChanges()) != held else { return }
    try await map.write(Self.json(held, now), to: Self.field, over: old)
  }

  /// What the installations of a namespace hold.
  ///
  /// - Parameter namespace: nil for all.
  public static func read(
    from api: any ClusterAPI, namespace: String?
  ) async throws(APIError) -> HeldChanges {
    let records = try await api.list(
      .configMaps, namespace: namespace, labels: LabelSelector(equals: RecordMap.labels)
    ).items.sorted { $0.objectName < $1.objectName }.map(held)
    return HeldChanges(
      changes: records.flatMap(\.changes), omitted: records.reduce(0) { $0 + $1.omitted })
  }

  private static func json(_ held: HeldChanges, _ now: Int) -> JSON {
    [
      "schemaVersion": 1, "written": .string(Timestamp.text(now)),
      "held": .array(held.changes.map(\.json)), "omitted": JSON(held.omitted),
    ]
  }

  private static func held(_ map: Object) -> HeldChanges {
    guard let json = RecordMap.json(field, of: map) else { return HeldChanges() }
    return HeldChanges(
      changes: (json["held"]?.array ?? []).compactMap(HeldChange.init),
      omitted: json["omitted"]?.count() ?? 0)
  }
}
