import ClusterAPI
import Diagnostics
import KubeDirector
import Rules

// Adoption: checks that the engine can manage a running cluster before git takes it over.
extension Reconciler {
  /// The reason why a running cluster cannot be adopted now.
  enum AdoptionObstacle {
    /// The cluster has a shape that kdops does not create.
    case shape([ShapeMismatch])
    /// The cluster's objects could not be read.
    case unread(APIError)
  }

  /// Checks whether a cluster can be adopted.
  ///
  /// - Returns: nil if the cluster can be adopted.
  func obstacle(toAdopting cluster: Object) async -> AdoptionObstacle? {
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

  /// Applies an obstacle to the judgement of a cluster: rejected for a shape mismatch, or waiting with a retry if the
  /// objects could not be read.
  func obstructed(_ judged: Judged, by obstacle: AdoptionObstacle) -> Judged {
    var judged = judged
    let reference = judged.reference
    let place = desired.source(of: reference).map { SourceLocation(file: $0.path) }
    switch obstacle {
    case .shape(let mismatches):
      judged.verdict = .rejected
      // StatefulSets and services are not watched, so no event says that they are gone.
      unadoptable.insert(reference)
      let finding = Diagnostic(
        rule: ClusterAdoptionShape.id, severity: .error, location: place, object: reference,
        message:
          "\(reference) cannot be taken over: \(mismatches.words); "
          + "moving a cluster here from another operator is not supported yet",
        hint: "take its file out of the repository and leave it to the operator that made it; "
          + "nothing of it was changed; when that operator's objects are gone, it is judged again within ten minutes"
      )
      judged.findings.insert(finding, at: 0)
    case .unread(let error):
      judged.verdict = .waiting
      judged.findings = [
        Diagnostic(
          rule: "\(BlockedObject.refusals)\(error.kind.rawValue)", severity: .waiting, location: place,
          object: reference,
          message: "\(reference) is not taken over before its objects were read: \(error.message)",
          hint: "it is retried automatically")
      ]
      commitOf[reference] = judged.commit
      retry(reference, after: error)
    }
    return judged
  }
}
