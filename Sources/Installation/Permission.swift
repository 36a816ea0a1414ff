import ClusterAPI
import Values

/// The verbs that the daemon needs for objects of one kind.
public struct Permission: Sendable, Hashable {
  /// The verbs of Kubernetes RBAC. `updateStatus` of `ClusterAPI` is `update` of the subresource `status`.
  public enum Verb: String, Sendable, Hashable, CaseIterable {
    case get, list, watch, create, update, patch, delete
  }

  public var resource: Resource
  /// `status` or `exec`; nil for the objects themselves.
  public var subresource: String?
  public var verbs: [Verb]
  /// The names of the permitted objects; empty for all. Kubernetes cannot restrict `create` by name, because the name
  /// is not known before the object exists.
  public var names: [String]

  public init(_ resource: Resource, subresource: String? = nil, _ verbs: [Verb], names: [String] = []) {
    self.resource = resource
    self.subresource = subresource
    self.verbs = verbs
    self.names = names
  }

  /// The permission as a rule of a Role.
  var rule: JSON {
    var rule: JSON = [
      "apiGroups": [.string(resource.group)],
      "resources": [.string(subresource.map { "\(resource.plural)/\($0)" } ?? resource.plural)],
    ]
    if !names.isEmpty { rule["resourceNames"] = JSON(names) }
    rule["verbs"] = JSON(verbs.map(\.rawValue))
    return rule
  }
}

extension Permission {
  /// The permissions in a tenant namespace: for the reconciler, which writes apps and clusters, and for the engine,
  /// which creates the workloads.
  ///
  /// - Parameter prunes: whether a cluster is deleted when its file is removed, with its volumes if that is requested.
  public static func tenant(prunes: Bool) -> [Permission] {
    [
      Permission(.apps, [.list, .watch, .create, .update, .delete]),
      Permission(.clusters, [.list, .watch, .create, .update] + (prunes ? [.delete] : [])),
      Permission(.clusters, subresource: "status", [.update]),
      Permission(.statefulSets, [.get, .list, .watch, .create, .patch, .delete]),
      Permission(.pods, [.get, .list, .watch, .patch, .delete]),
      // `get` opens the WebSocket. Newer servers require `create` as well.
      Permission(.pods, subresource: "exec", [.get, .create]),
      Permission(.services, [.get, .list, .watch, .create, .patch, .delete]),
      Permission(.events, [.create, .patch]),
      Permission(.disruptionBudgets, [.list, .watch]),
      // Connected objects: those with KubeDirector's label, once a cluster names one. Access to Secrets is not granted
      // here; an administrator grants it where it is wanted.
      Permission(.configMaps, [.list, .watch]),
    ] + (prunes ? [Permission(.volumeClaims, [.list, .patch])] : [])
  }

  /// The permissions in the namespace whose apps every cluster may name.
  public static let catalog: [Permission] = [Permission(.apps, [.list, .watch])]

  /// The permissions for leader election.
  static func election(lease: String) -> [Permission] {
    [Permission(.leases, [.get, .update], names: [lease]), Permission(.leases, [.create])]
  }

  /// The permission to pass a command to the leader by an annotation on the Lease, in addition to those for the election.
  static func command(lease: String) -> Permission { Permission(.leases, [.patch], names: [lease]) }

  /// The permissions for the key that signs the stamps of applied specs.
  static func stamp(key: String) -> [Permission] {
    [Permission(.secrets, [.get], names: [key]), Permission(.secrets, [.create])]
  }

  /// The permissions for the record of blocked changes, which users read, and of the last attempted revision.
  static func record(name: String) -> [Permission] {
    [Permission(.configMaps, [.get, .update], names: [name]), Permission(.configMaps, [.create])]
  }

  /// The permission for the record of undelivered notifications, in addition to those for the record of blocked changes.
  static func notifications(name: String) -> Permission {
    Permission(.configMaps, [.get, .update], names: [name])
  }

  /// The permissions for the webhook's certificate, which the daemon creates, in addition to those for the key.
  static let certificate: [Permission] = [
    Permission(.secrets, [.get, .update], names: [InstallationSettings.admissionSecret])
  ]

  /// The permissions to set the webhook's CA certificate on the server.
  static func webhook(configuration: String) -> [Permission] {
    [Permission(.validatingWebhooks, [.patch], names: [configuration])]
  }
}
