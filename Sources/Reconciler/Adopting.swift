import ClusterAPI
import Diagnostics
import KubeDirector
import Rules

// A running cluster that git takes over has to be one that the engine can go on with.
extension Reconciler {
  /// Why a running cluster is not taken over now.
  enum AdoptionObstacle {
    /// It has a shape that kdops does not make.
    case shape([ShapeMismatch])
    /// Its objects could not be read.
    case unread(APIError)
  }

  /// - Returns: nil where the cluster can be taken over.
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

  /// Empty where pruning is off: only daemons that prune are allowed to read them, and StatefulSets tell most.
  private func claims(of cluster: Object) async throws(APIError) -> [Object] {
    guard settings.policy.prune else { return [] }
    let mine: LabelSelector = [Wire.Label.cluster: cluster.name]
    return try await api.list(.volumeClaims, namespace: cluster.namespace, labels: mine).items
  }

  /// The judgement of a cluster that is not taken over: rejected for its shape; or waiting, and tried again, where
  /// its objects could not be read.
  func obstructed(_ judged: Judged, by obstacle: AdoptionObstacle) -> Judged {
    var judged = judged
    let reference = judged.reference
    let place = desired.source(of: reference).map { SourceLocation(file: $0.path) }
    switch obstacle {
    case .shape(let mismatches):
      judged.verdict = .rejected
      let finding = Diagnostic(
        rule: ClusterAdoptionShape.id, severity: .error, location: place, object: reference,
        message:
          "\(reference) cannot be taken over: \(mismatches.words); "
          + "moving a cluster here from another operator is not supported yet",
        hint: "take its file out of the repository and leave it to the operator that made it; "
          + "nothing of it was changed")
      judged.findings.insert(finding, at: 0)
    case .unread(let error):
      judged.verdict = .waiting
      judged.findings = [
        Diagnostic(
          rule: "\(Held.refusals)\(error.kind.rawValue)", severity: .waiting, location: place,
          object: reference,
          message: "\(reference) is not taken over before its objects were read: \(error.message)",
          hint: "it is tried again by itself")
      ]
      commitOf[reference] = judged.commit
      retry(reference, after: error)
    }
    return judged
  }
}
