import ClusterAPI
import KubeDirector
import Rules

// Adoption: checks that the engine can manage a running cluster before the installation becomes its owner.
extension Reconciler {
  /// Checks whether a cluster can be adopted.
  ///
  /// - Returns: nil if the cluster can be adopted.
  func obstacle(toAdopting cluster: Object) async -> OwnershipGuard.AdoptionObstacle? {
    do throws(APIError) {
      let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
      let sets = try await api.list(.statefulSets, namespace: cluster.namespace, labels: mine).items
      let services = try await api.list(.services, namespace: cluster.namespace, labels: mine).items
      let found = ClusterShape.adoptionMismatches(
        cluster: cluster.json, sets: sets.map(\.json), services: services.map(\.json),
        claims: try await claims(of: cluster).map(\.json))
      return found.isEmpty ? nil : .shape(found)
    } catch {
      return .unread(error)
    }
  }

  /// The cluster's volume claims; empty if pruning is off. Only daemons that prune have permission to read claims, and
  /// the StatefulSets show most mismatches.
  private func claims(of cluster: Object) async throws(APIError) -> [Object] {
    guard settings.policy.prune else { return [] }
    let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
    return try await api.list(.volumeClaims, namespace: cluster.namespace, labels: mine).items
  }
}
