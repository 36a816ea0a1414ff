import ClusterAPI
import KubeDirector
import Values

/// The ConfigMap in which an installation's daemon stores its records, one field each; the stamp key is in a Secret. A
/// write of one field keeps the others.
struct RecordMap: Sendable {
  private let api: any ClusterAPI
  private let name: ObjectName
  private let installation: String

  /// The labels of the ConfigMaps of all installations.
  static let labels = [
    "app.kubernetes.io/managed-by": "kdops", "app.kubernetes.io/component": "held-changes",
  ]

  static func name(installation: String) -> String { "kdops-\(installation)-held" }

  /// - Parameter namespace: the daemon's own namespace.
  init(_ api: any ClusterAPI, namespace: String, installation: String) {
    self.api = api
    self.installation = installation
    name = ObjectName(namespace: namespace, name: Self.name(installation: installation))
  }

  /// Reads the ConfigMap; nil if it does not exist yet.
  func read() async throws(APIError) -> Object? {
    do throws(APIError) {
      return try await api.get(.configMaps, name)
    } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
  }

  /// The content of a field; nil if it is missing, or of an unknown schema version.
  static func json(_ field: String, of map: Object) -> JSON? {
    guard let text = map.json["data"]?[field]?.string, let json = try? JSON.parse(Array(text.utf8)),
      json["schemaVersion"]?.integer == 1
    else { return nil }
    return json
  }

  /// Writes one field.
  ///
  /// - Parameter map: the ConfigMap as it was read; if it was changed since, the write fails with a conflict.
  func write(_ json: JSON, to field: String, over map: Object?) async throws(APIError) {
    let text = JSON.string(json.text(pretty: true))
    if var map {
      var data = map.json["data"] ?? [:]
      data[field] = text
      map.json["data"] = data
      _ = try await api.update(map)
    } else {
      var labels = Self.labels
      labels["app.kubernetes.io/instance"] = installation
      _ = try await api.create(
        Object(
          .configMaps, namespace: name.namespace, name: name.name, labels: labels,
          content: ["data": [field: text]]))
    }
  }
}
