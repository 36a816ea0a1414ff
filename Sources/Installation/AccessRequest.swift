import ClusterAPI
import Values

/// A request that an account must be allowed to make, as Kubernetes RBAC reviews it.
public struct AccessRequest: Sendable, Hashable {
  public var verb: Permission.Verb
  public var resource: Resource
  public var subresource: String?
  /// Nil for all namespaces, and for cluster-scoped objects.
  public var namespace: String?
  /// Nil for objects of any name.
  public var name: String?

  public init(
    verb: Permission.Verb, resource: Resource, subresource: String? = nil, namespace: String? = nil,
    name: String? = nil
  ) {
    self.verb = verb
    self.resource = resource
    self.subresource = subresource
    self.namespace = namespace
    self.name = name
  }

  /// The object whose creation asks the API server whether the request is allowed. The answer is `status.allowed` of the
  /// object that the server returns.
  ///
  /// - Parameter account: the service account that would make the request; nil for the one that asks.
  public func review(for account: ObjectName? = nil) -> Object {
    var attributes: JSON = [
      "verb": .string(verb.rawValue), "group": .string(resource.group), "version": .string(resource.version),
      "resource": .string(resource.plural),
    ]
    attributes["subresource"] = subresource.map(JSON.string)
    attributes["namespace"] = namespace.map(JSON.string)
    attributes["name"] = name.map(JSON.string)
    var spec: JSON = ["resourceAttributes": attributes]
    if let account {
      spec["user"] = .string("system:serviceaccount:\(account.namespace):\(account.name)")
      let groups = [
        "system:serviceaccounts", "system:serviceaccounts:\(account.namespace)", "system:authenticated",
      ]
      spec["groups"] = JSON(groups)
    }
    return Object([
      "apiVersion": "authorization.k8s.io/v1",
      "kind": account == nil ? "SelfSubjectAccessReview" : "SubjectAccessReview",
      "metadata": JSON.object([:]),
      "spec": spec,
    ])
  }
}

extension Grant {
  /// Every request that this grant allows, each once.
  public var requests: [AccessRequest] {
    let namespaces: [String?] =
      switch place {
      case .everywhere: [nil]
      case .each(let namespaces): namespaces
      case .only(let namespace): [namespace]
      }
    return namespaces.flatMap { namespace in
      permissions.flatMap { permission in
        let names: [String?] = permission.names.isEmpty ? [nil] : permission.names
        return names.flatMap { name in
          permission.verbs.map { verb in
            AccessRequest(
              verb: verb, resource: permission.resource, subresource: permission.subresource,
              namespace: namespace, name: name)
          }
        }
      }
    }
  }
}
