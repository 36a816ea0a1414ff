import ClusterAPI
import KubeDirector
import Values

/// Finds what to repair in clusters of KubeDirector's operator while that operator still runs.
struct OperatorCheck: Sendable {
  /// The clusters that KubeDirector's operator manages.
  private(set) var clusters: [ObjectName] = []
  /// The problems of their objects for users.
  private(set) var problems: [String] = []

  /// - Parameter objects: Live apps and clusters.
  /// - Throws: The error of the API; objects that the user may not read become a problem instead.
  init(_ objects: [Object], api: any ClusterAPI) async throws(APIError) {
    for object in objects.sorted(by: { $0.objectName < $1.objectName })
    where object.kind == Wire.clusterKind && !ClusterShape.foreignFields(of: object.json["status"]).isEmpty {
      clusters.append(object.objectName)
      do throws(APIError) {
        let found = try await Self.adoption(of: object, api)
        problems += found.problems.map { "\(object.objectName): \($0)" }
      } catch {
        guard error.kind == .forbidden else { throw error }
        problems.append("\(object.objectName): its objects were not checked: \(error.message)")
      }
    }
  }

  /// The writes with which an adoption of the cluster would begin, for its current objects.
  static func adoption(of cluster: Object, _ api: any ClusterAPI) async throws(APIError) -> ForeignAdoption {
    ForeignAdoption(
      ForeignObjects(
        cluster: cluster.json, sets: try await list(.statefulSets, of: cluster, api),
        services: try await list(.services, of: cluster, api),
        claims: try await list(.volumeClaims, of: cluster, api)))
  }

  private static func list(
    _ resource: Resource, of cluster: Object, _ api: any ClusterAPI
  ) async throws(APIError) -> [JSON] {
    let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
    return try await api.list(resource, namespace: cluster.namespace, labels: mine).items.map(\.json)
  }
}
