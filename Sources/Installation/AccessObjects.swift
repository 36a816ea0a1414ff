import ClusterAPI
import Values

// The daemon's service account and its RBAC objects.
extension InstallationSettings {
  var accountObject: JSON {
    [
      "apiVersion": "v1", "kind": "ServiceAccount",
      "metadata": metadata(Self.serviceAccount, in: namespace),
    ]
  }

  /// The roles and bindings of a grant, roles first.
  func objects(of grant: Grant) -> [JSON] {
    let rules = JSON.array(grant.permissions.map(\.rule))
    switch grant.place {
    case .everywhere:
      return [
        role("ClusterRole", grant.name, in: nil, rules), binding("ClusterRole", grant.name, in: nil),
      ]
    case .each(let namespaces):
      return [role("ClusterRole", grant.name, in: nil, rules)]
        + namespaces.map { binding("ClusterRole", grant.name, in: $0) }
    case .only(let namespace):
      return [
        role("Role", grant.name, in: namespace, rules), binding("Role", grant.name, in: namespace),
      ]
    }
  }

  private static let accessVersion: JSON = "rbac.authorization.k8s.io/v1"

  private func role(_ kind: String, _ name: String, in namespace: String?, _ rules: JSON) -> JSON {
    [
      "apiVersion": Self.accessVersion, "kind": .string(kind), "metadata": metadata(name, in: namespace),
      "rules": rules,
    ]
  }

  private func binding(_ role: String, _ name: String, in place: String?) -> JSON {
    [
      "apiVersion": Self.accessVersion, "kind": place == nil ? "ClusterRoleBinding" : "RoleBinding",
      "metadata": metadata(name, in: place),
      "roleRef": [
        "apiGroup": "rbac.authorization.k8s.io", "kind": .string(role), "name": .string(name),
      ],
      "subjects": [
        [
          "kind": "ServiceAccount", "name": .string(Self.serviceAccount), "namespace": .string(namespace),
        ]
      ],
    ]
  }

  /// The metadata of an exported object.
  ///
  /// - Parameter namespace: nil for a cluster-scoped object.
  func metadata(_ name: String, in namespace: String?) -> JSON {
    var metadata: JSON = ["name": .string(name)]
    metadata["namespace"] = namespace.map(JSON.string)
    metadata["labels"] = labels
    return metadata
  }
}
