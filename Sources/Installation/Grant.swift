import ClusterAPI
import Values

/// Permissions and the scope in which they apply.
public struct Grant: Sendable, Hashable {
  public enum Place: Sendable, Hashable {
    case everywhere
    /// One definition, bound in each of these namespaces.
    case each([String])
    case only(String)
  }

  public var name: String
  /// A description of the objects.
  public var subject: String
  public var place: Place
  public var permissions: [Permission]

  /// Whether the grant allows a call.
  ///
  /// - Parameters:
  ///   - namespace: nil for a list or watch over all namespaces, and for cluster-scoped objects.
  ///   - name: nil if the call names no object, such as a list.
  public func allows(
    _ verb: Permission.Verb, _ resource: Resource, subresource: String? = nil, namespace: String?,
    name: String? = nil
  ) -> Bool {
    let isThere =
      switch (place, namespace) {
      case (.everywhere, _): true
      case (_, nil): false
      case (.each(let namespaces), let namespace?): namespaces.contains(namespace)
      case (.only(let own), let namespace?): own == namespace
      }
    return isThere
      && permissions.contains { permission in
        permission.resource == resource && permission.subresource == subresource
          && permission.verbs.contains(verb)
          && (permission.names.isEmpty || (name.map(permission.names.contains) ?? false))
      }
  }
}

extension InstallationSettings {
  /// All permissions of the daemon's service account.
  public var grants: [Grant] {
    let engine = "apps, clusters and what clusters are made of"
    var grants = [
      Grant(
        name: ownName, subject: engine, place: tenants.map { .each($0) } ?? .everywhere,
        permissions: Permission.tenant(prunes: otherSettings["prune"] == true))
    ]
    var own =
      Permission.election(lease: lease) + Permission.stamp(key: stampKey)
      + Permission.record(name: blockedChangeRecord)
    var subjects = ["its lease", "its stamps' key", "its record of holds"]
    if otherSettings["webhook"]?["listen"]?.string != nil {
      own.append(Permission.command(lease: lease))
      subjects.append("commands to its leader")
    }
    if otherSettings["notifications"]?.array?.isEmpty == false {
      own.append(Permission.notifications(name: notificationRecord))
      subjects.append("its undelivered notifications")
    }
    if admission != nil {
      own += Permission.certificate
      subjects.append("its webhook's certificate")
    }
    if tenants != nil, systemNamespace == home {
      own += Permission.catalog
      subjects.append("the system's apps")
    }
    grants.append(
      Grant(
        name: ownName, subject: Self.list(subjects), place: .only(home), permissions: own))
    if tenants != nil, systemNamespace != home {
      grants.append(
        Grant(
          name: "\(ownName):catalog", subject: "the system's apps",
          place: .only(systemNamespace), permissions: Permission.catalog))
    }
    if admission != nil {
      grants.append(
        Grant(
          name: "\(ownName):admission",
          subject: "its webhook's entry, to say which certificate it has",
          place: .everywhere, permissions: Permission.webhook(configuration: ownName)))
    }
    return grants
  }

  private static func list(_ parts: [String]) -> String {
    parts.count < 2 ? parts.joined() : parts.dropLast().joined(separator: ", ") + " and " + (parts.last ?? "")
  }
}
