import ClusterAPI
import Values

/// The kinds and versions that the server serves. Each is requested only once.
actor ResourceMap {
  private struct Kind: Hashable {
    var apiVersion: String
    var kind: String
  }

  /// The kinds of `ClusterAPI`, and those that installation and tests use.
  private static let common: [Kind: Resource] = {
    let all = Resource.all + [.leases, .validatingWebhooks]
    return Dictionary(
      all.map { (Kind(apiVersion: $0.apiVersion, kind: $0.kind), $0) },
      uniquingKeysWith: { first, _ in first })
  }()

  private let ask: @Sendable (APIRequest) async throws(APIError) -> JSON
  private var found: [Kind: Resource] = [:]
  private var policyVersion: String?

  /// - Parameter ask: requests a path's JSON.
  init(ask: @escaping @Sendable (APIRequest) async throws(APIError) -> JSON) { self.ask = ask }

  /// Returns a kind in the version that this server serves.
  func served(_ resource: Resource) async throws(APIError) -> Resource {
    guard resource.group == Resource.disruptionBudgets.group, resource.version == "v1" else {
      return resource
    }
    var served = resource
    served.version = try await policy()
    return served
  }

  /// Returns the resource of a given object.
  func resource(of object: Object) async throws(APIError) -> Resource {
    let kind = Kind(apiVersion: object.apiVersion, kind: object.kind)
    if let known = Self.common[kind] ?? found[kind] { return known }
    guard !kind.kind.isEmpty, !kind.apiVersion.isEmpty else {
      throw APIError(.invalid, "\(object.objectName): the object has no kind or no apiVersion")
    }
    try await discover(kind.apiVersion)
    guard let resource = found[kind] else { throw Self.unserved("\(kind.kind) of \(kind.apiVersion)") }
    return resource
  }

  /// The version of the API group `policy` that the server serves. `v1` was added in Kubernetes 1.21; older servers
  /// have `v1beta1` with the same fields.
  private func policy() async throws(APIError) -> String {
    if let policyVersion { return policyVersion }
    let group = try await discovered("/apis/policy", "policy")
    let versions = group["versions"]?.array?.compactMap { $0["version"]?.string } ?? []
    guard let version = ["v1", "v1beta1"].first(where: versions.contains) else {
      throw Self.unserved("the group policy")
    }
    policyVersion = version
    return version
  }

  private func discover(_ apiVersion: String) async throws(APIError) {
    let parts = apiVersion.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(
      String.init)
    let (group, version) = parts.count == 2 ? (parts[0], parts[1]) : ("", apiVersion)
    let encoded = parts.map(APIRequest.encoded).joined(separator: "/")
    let list = try await discovered(group.isEmpty ? "/api/\(encoded)" : "/apis/\(encoded)", apiVersion)
    for entry in list["resources"]?.array ?? [] {
      guard let plural = entry["name"]?.string, !plural.contains("/"), let kind = entry["kind"]?.string else {
        continue
      }
      found[Kind(apiVersion: apiVersion, kind: kind)] = Resource(
        group: group, version: version, kind: kind, plural: plural,
        isNamespaced: entry["namespaced"]?.bool ?? true)
    }
  }

  private func discovered(_ path: String, _ what: String) async throws(APIError) -> JSON {
    do {
      return try await ask(APIRequest(path: path))
    } catch {
      throw error.kind == .notFound ? Self.unserved(what) : error
    }
  }

  private static func unserved(_ what: String) -> APIError {
    APIError(
      .unsupported,
      "the server does not serve \(what); add its CustomResourceDefinition, or ask a newer server")
  }
}
