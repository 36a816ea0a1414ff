import ClusterAPI
import KubeDirector
import Notifications
import Values

/// The undelivered notifications in a ConfigMap of their own, so that another replica can send them.
///
/// No other part of the daemon writes it: a conflict of writes must not affect the records on which decisions are based.
struct NotificationRecordMap: OutboxStore {
  private let api: any ClusterAPI
  private let name: ObjectName
  private let installation: String

  private static let field = "notifications.json"
  private static let labels = [
    "app.kubernetes.io/managed-by": "kdops", "app.kubernetes.io/component": "notifications",
  ]

  /// - Parameter namespace: the namespace of the daemon's own objects.
  init(_ api: any ClusterAPI, namespace: String, installation: String) {
    self.api = api
    self.installation = installation
    name = ObjectName(namespace: namespace, name: "kdops-\(installation)-notifications")
  }

  func read() async throws -> JSON? {
    guard let map = try await object(), let text = map.json["data"]?[Self.field]?.string else { return .none }
    // A damaged record must not keep later notifications from being stored.
    return try? JSON.parse(Array(text.utf8))
  }

  func write(_ record: JSON) async throws {
    let data: JSON = [Self.field: .string(record.text())]
    if var map = try await object() {
      map.json["data"] = .some(data)
      _ = try await api.update(map)
      return
    }
    var labels = Self.labels
    labels["app.kubernetes.io/instance"] = installation
    _ = try await api.create(
      Object(
        .configMaps, namespace: name.namespace, name: name.name, labels: labels, content: ["data": data]))
  }

  /// Reads the ConfigMap; nil if it does not exist yet.
  private func object() async throws(APIError) -> Object? {
    do throws(APIError) {
      return try await api.get(.configMaps, name)
    } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
  }
}
