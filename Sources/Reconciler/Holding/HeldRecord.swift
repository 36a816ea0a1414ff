import ClusterAPI
import KubeDirector
import Values

/// Where whoever looks at the cluster alone reads what is held: a ConfigMap beside the key of the stamps.
///
/// The daemon writes it on change and never decides anything by it. What one that died has left there stands until the
/// next one has judged for itself.
public struct HeldRecord: Sendable {
  private let api: any ClusterAPI
  private let name: ObjectName
  private let installation: String

  /// The name of the ConfigMap.
  public static func name(installation: String) -> String { "kdops-\(installation)-held" }

  /// On the records of all installations.
  private static let labels = [
    "app.kubernetes.io/managed-by": "kdops", "app.kubernetes.io/component": "held-changes",
  ]
  private static let field = "held.json"

  /// - Parameter namespace: the daemon's own.
  public init(_ api: any ClusterAPI, namespace: String, installation: String) {
    self.api = api
    self.installation = installation
    name = ObjectName(namespace: namespace, name: Self.name(installation: installation))
  }

  /// Writes what is held now, where it is not there already. Where nothing is held, and nothing was, nothing is made.
  ///
  /// - Parameter now: in whole seconds since 1970.
  public func write(_ held: HeldChanges, now: Int) async throws(APIError) {
    let old: Object?
    do throws(APIError) {
      old = try await api.get(.configMaps, name)
    } catch {
      guard error.kind == .notFound else { throw error }
      old = nil
    }
    guard (old.map(Self.held) ?? HeldChanges()) != held else { return }
    let text = Self.json(held, now).text(pretty: true)
    if var object = old {
      object.json["data"] = [Self.field: .string(text)]
      _ = try await api.update(object)
    } else {
      var labels = Self.labels
      labels["app.kubernetes.io/instance"] = installation
      _ = try await api.create(
        Object(
          .configMaps, namespace: name.namespace, name: name.name, labels: labels,
          content: ["data": [Self.field: .string(text)]]))
    }
  }

  /// What the installations of a namespace hold.
  ///
  /// - Parameter namespace: nil for all.
  public static func read(
    from api: any ClusterAPI, namespace: String?
  ) async throws(APIError) -> HeldChanges {
    let records = try await api.list(
      .configMaps, namespace: namespace, labels: LabelSelector(equals: labels)
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

  private static func held(_ record: Object) -> HeldChanges {
    guard let text = record.json["data"]?[field]?.string, let json = try? JSON.parse(Array(text.utf8)),
      json["schemaVersion"]?.integer == 1
    else { return HeldChanges() }
    return HeldChanges(
      changes: (json["held"]?.array ?? []).compactMap(HeldChange.init),
      omitted: max(0, json["omitted"]?.integer ?? 0))
  }
}
