import ClusterAPI
import Values

/// What the daemon does to objects of one kind, and has to be allowed.
public struct Permission: Sendable, Hashable {
  /// Kubernetes' words. `updateStatus` of the port is `update` of the subresource `status`.
  public enum Verb: String, Sendable, Hashable, CaseIterable {
    case get, list, watch, create, update, patch, delete
  }

  public var resource: Resource
  /// `status` or `exec`; nil for the objects themselves.
  public var subresource: String?
  public var verbs: [Verb]
  /// The only objects that are meant; empty for all. Kubernetes cannot limit `create` in this way, because a name
  /// is not known to it before the object is.
  public var names: [String]

  public init(_ resource: Resource, subresource: String? = nil, _ verbs: [Verb], names: [String] = []) {
    self.resource = resource
    self.subresource = subresource
    self.verbs = verbs
    self.names = names
  }

  /// As a rule of a Role.
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
  /// In a namespace whose clusters are kept: for the reconciler, which writes apps and clusters, and the engine,
  /// which makes of them what runs.
  ///
  /// - Parameter prunes: whether a cluster goes whose file is gone, with its volumes where that is asked for.
  public static func tenant(prunes: Bool) -> [Permission] {
    [
      Permission(.apps, [.list, .watch, .create, .update, .delete]),
      Permission(.clusters, [.get, .list, .watch, .create, .update] + (prunes ? [.delete] : [])),
      Permission(.clusters, subresource: "status", [.update]),
      Permission(.statefulSets, [.get, .list, .watch, .create, .patch, .delete]),
      Permission(.pods, [.get, .list, .watch, .patch, .delete]),
      // `get` opens the WebSocket; newer servers ask for `create` as well.
      Permission(.pods, subresource: "exec", [.get, .create]),
      Permission(.services, [.get, .list, .watch, .create, .patch, .delete]),
      Permission(.events, [.create, .patch]),
      Permission(.disruptionBudgets, [.list, .watch]),
      // What clusters are connected to: those with KubeDirector's label, once a cluster names one. Secrets are not
      // among what is granted: an administrator does that where it is wanted.
      Permission(.configMaps, [.list, .watch]),
    ] + (prunes ? [Permission(.volumeClaims, [.list, .patch])] : [])
  }

  /// In the namespace whose apps every cluster may name.
  public static let catalog: [Permission] = [Permission(.apps, [.list, .watch])]

  /// For the election of the one daemon that acts.
  static func election(lease: String) -> [Permission] {
    [Permission(.leases, [.get, .update], names: [lease]), Permission(.leases, [.create])]
  }

  /// For the key of what vouches for applied specs.
  static func stamp(key: String) -> [Permission] {
    [Permission(.secrets, [.get], names: [key]), Permission(.secrets, [.create])]
  }

  /// For the record of what is held, which people read, and of what was worked off.
  static func record(name: String) -> [Permission] {
    [Permission(.configMaps, [.get, .update], names: [name]), Permission(.configMaps, [.create])]
  }

  /// Beside what the key needs, for the certificate that the daemon makes for its webhook.
  static let certificate: [Permission] = [
    Permission(.secrets, [.get, .update], names: [InstallationSettings.admissionSecret])
  ]

  /// For telling the server which certificate to trust.
  static func webhook(configuration: String) -> [Permission] {
    [Permission(.validatingWebhooks, [.patch], names: [configuration])]
  }
}
