import FoundationEssentials
import KubeDirector
import Values

/// The key of an installation's stamps, stored in a Secret that its daemons share.
public enum StampKey {
  /// The name of the Secret.
  public static func name(installation: String) -> String { "kdops-\(installation)-stamp" }

  private static let field = "key"

  /// Reads the key, or creates it if there is none. If several daemons create a key at once, all of them use the
  /// first one.
  ///
  /// - Throws: `.invalid` if the Secret contains no key.
  public static func obtain(
    from api: any ClusterAPI, namespace: String, installation: String
  ) async throws(APIError) -> Stamp {
    let name = ObjectName(namespace: namespace, name: name(installation: installation))
    if let found = try await read(name, from: api) { return found }
    do throws(APIError) {
      _ = try await api.create(fresh(name))
    } catch {
      guard error.kind == .alreadyExists else { throw error }
    }
    // The existing Secret contains the key, whichever daemon created it.
    guard let made = try await read(name, from: api) else {
      throw APIError(.unavailable, "Secret \(name) was made, and is gone again")
    }
    return made
  }

  /// An id of the cluster: the uid of the Secret, which no other cluster has and which does not change while the
  /// Secret exists.
  ///
  /// - Throws: `.notFound` if the key has not been created yet.
  public static func clusterID(
    from api: any ClusterAPI, namespace: String, installation: String
  ) async throws(APIError) -> String {
    try await api.get(.secrets, ObjectName(namespace: namespace, name: name(installation: installation))).uid
  }

  private static func read(_ name: ObjectName, from api: any ClusterAPI) async throws(APIError) -> Stamp? {
    let secret: Object
    do throws(APIError) {
      secret = try await api.get(.secrets, name)
    } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
    let key = secret.json["data"]?[field]?.string.flatMap { Data(base64Encoded: $0) }
    guard let key, let stamp = Stamp(key: Array(key)) else {
      throw APIError(
        .invalid,
        "Secret \(name) contains no key of \(Stamp.keyLength) bytes under \"\(field)\": "
          + "delete it, and the daemon creates one")
    }
    return stamp
  }

  private static func fresh(_ name: ObjectName) -> Object {
    var chance = SystemRandomNumberGenerator()
    let key = Data((0..<Stamp.keyLength).map { _ in UInt8.random(in: .min ... .max, using: &chance) })
    return Object(
      .secrets, namespace: name.namespace, name: name.name,
      labels: ["app.kubernetes.io/managed-by": "kdops"],
      content: ["type": "Opaque", "data": [field: .string(key.base64EncodedString())]])
  }
}
