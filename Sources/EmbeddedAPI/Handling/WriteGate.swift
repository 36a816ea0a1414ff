import Admission
import ClusterAPI
import KubeDirector
import Manifests
import Values

/// Judges what clients write: the schemas of the custom resources, and then the rules, with the messages of an API
/// server that calls the admission webhook.
struct WriteGate: Sendable {
  let api: any ClusterAPI
  let judge: AdmissionJudge
  /// The namespace of the apps of the catalog `system`.
  let systemNamespace: String

  /// - Returns: warnings for the client.
  /// - Throws: the response if the request is denied.
  func review(
    _ operation: AdmissionRequest.Operation, _ kind: ServedKind, _ name: ObjectName, object: JSON?,
    old: JSON?, isDryRun: Bool
  ) async throws(APIFailure) -> [String] {
    guard kind.resource.group == Wire.group else { return [] }
    if let object { try Self.check(object, kind, name) }
    let request = AdmissionRequest(
      uid: "\(operation.rawValue) \(name)", kind: kind.resource.kind, namespace: name.namespace,
      name: name.name,
      operation: operation, user: Self.user, object: object, oldObject: old, isDryRun: isDryRun)
    let answer = judge.answer(request, among: try await snapshot(for: name.namespace, kind))
    guard answer.isAllowed else {
      throw APIFailure(
        403, "Forbidden",
        "admission webhook \"\(AdmissionSettings.webhookName)\" denied the request: \(answer.message ?? "")")
    }
    return answer.warnings
  }

  /// The name of everyone who has the kubeconfig.
  static let user = "kdops:kubectl"

  private static let schemas: [Resource: Schema] = {
    var schemas: [Resource: Schema] = [:]
    schemas[.apps] = try? Schema(CustomResources.appSchema)
    schemas[.clusters] = try? Schema(CustomResources.clusterSchema)
    return schemas
  }()

  /// Checks an object against the schema of its kind. Unknown fields are left to the rules.
  private static func check(_ object: JSON, _ kind: ServedKind, _ name: ObjectName) throws(APIFailure) {
    let findings = schemas[kind.resource]?.validate(object).filter { $0.kind == .error } ?? []
    guard !findings.isEmpty else { return }
    throw .invalid(
      kind, name.name,
      findings.map { APIFailure.FieldCause(field: $0.path.description, message: $0.message) })
  }

  /// The objects that the rules compare with: those of the namespace, and the catalog. Of the catalog's namespace all
  /// clusters, because any of them may use its apps.
  private func snapshot(
    for namespace: String, _ kind: ServedKind
  ) async throws(APIFailure) -> LiveSnapshot {
    var live = LiveSnapshot()
    do throws(APIError) {
      for place in Set([namespace, systemNamespace]) {
        let apps = try await api.list(.apps, namespace: place, labels: .everything)
        for app in apps.items { live.put(app.json) }
      }
      let scope = namespace == systemNamespace ? nil : namespace
      let clusters = try await api.list(.clusters, namespace: scope, labels: .everything)
      for cluster in clusters.items { live.put(cluster.json) }
    } catch {
      throw APIFailure(error, kind, namespace)
    }
    return live
  }
}
