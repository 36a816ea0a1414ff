import ClusterAPI

/// The API endpoint that a path names.
enum Route: Sendable, Hashable {
  case health
  case version
  /// The core group's versions.
  case coreVersions
  /// All other groups.
  case groups
  case group(String)
  case resources(GroupVersion)
  case openAPIv2
  case openAPIv3Index
  case openAPIv3(GroupVersion)
  /// - Parameter namespace: nil for all namespaces.
  case collection(ServedKind, namespace: String?)
  case object(ServedKind, ObjectName, ServedKind.Subresource?)

  /// Nil if the path names nothing that is served.
  init?(_ path: [String]) {
    switch path.first {
    case "healthz", "livez", "readyz": self = .health
    case "version" where path.count == 1: self = .version
    case "openapi":
      guard let route = Self.openAPI(path.dropFirst()) else { return nil }
      self = route
    case "api":
      guard path.count > 1 else {
        self = .coreVersions
        return
      }
      guard let route = Self.objects(GroupVersion(group: "", version: path[1]), path.dropFirst(2)) else {
        return nil
      }
      self = route
    case "apis":
      switch path.count {
      case 1: self = .groups
      case 2:
        guard ServedKind.groupVersions.contains(where: { $0.group == path[1] && !path[1].isEmpty }) else {
          return nil
        }
        self = .group(path[1])
      default:
        let groupVersion = GroupVersion(group: path[1], version: path[2])
        guard let route = Self.objects(groupVersion, path.dropFirst(3)) else { return nil }
        self = route
      }
    default: return nil
    }
  }

  private static func openAPI(_ rest: ArraySlice<String>) -> Route? {
    let rest = Array(rest)
    if rest == ["v2"] { return .openAPIv2 }
    guard rest.first == "v3" else { return nil }
    if rest.count == 1 { return .openAPIv3Index }
    let path = rest.dropFirst().joined(separator: "/")
    return ServedKind.groupVersions.first { $0.path == path }.map { .openAPIv3($0) }
  }

  private static func objects(_ groupVersion: GroupVersion, _ rest: ArraySlice<String>) -> Route? {
    guard ServedKind.groupVersions.contains(groupVersion) else { return nil }
    var rest = Array(rest)
    if rest.isEmpty { return .resources(groupVersion) }
    var namespace: String?
    // `namespaces/NAME` itself is an object of the core group.
    if rest[0] == "namespaces", rest.count > 2 {
      namespace = rest[1]
      rest.removeFirst(2)
    }
    guard let kind = ServedKind.find(groupVersion, plural: rest[0]),
      namespace == nil || kind.resource.isNamespaced
    else { return nil }
    if rest.count == 1 { return .collection(kind, namespace: namespace) }
    guard rest.count <= 3, (namespace != nil) == kind.resource.isNamespaced else { return nil }
    let name = ObjectName(namespace: namespace ?? "", name: rest[1])
    guard rest.count == 3 else { return .object(kind, name, nil) }
    guard let subresource = ServedKind.Subresource(rawValue: rest[2]),
      kind.subresources.contains(subresource)
    else { return nil }
    return .object(kind, name, subresource)
  }
}
