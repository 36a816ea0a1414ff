import Values

/// The source that a variable's `valueFrom` reads.
public enum VariableSource: Sendable, Hashable {
  case secret(String)
  case configMap(String)
  /// A field of the pod itself, or a resource amount of its container.
  case pod
  /// A source that this version does not know, by its member's name.
  case unknown(String)

  /// The member of `valueFrom` for this source.
  public var member: String {
    switch self {
    case .secret: Self.secretMember
    case .configMap: Self.configMapMember
    case .pod: "fieldRef"
    case .unknown(let member): member
    }
  }

  fileprivate static let secretMember = "secretKeyRef"
  fileprivate static let configMapMember = "configMapKeyRef"
}

extension ClusterRole.EnvironmentVariable {
  /// The sources of the value; empty if the value is in the file. Kubernetes allows at most one, but this code does
  /// not rely on that.
  public var sources: [VariableSource] {
    guard let source = raw["valueFrom"], !source.isNull else { return [] }
    guard let members = source.object else { return [.unknown("valueFrom")] }
    return members.compactMap { member, value in
      if value.isNull { return nil }
      switch member {
      // Kubernetes rejects the pod if there is no name; here it counts as a name that is not allowed.
      case VariableSource.secretMember: return .secret(value["name"]?.string ?? "")
      case VariableSource.configMapMember: return .configMap(value["name"]?.string ?? "")
      case "fieldRef", "resourceFieldRef": return .pod
      default: return .unknown(member)
      }
    }
  }
}

extension Tenancy {
  public func allows(_ source: VariableSource) -> Bool {
    switch source {
    case .secret(let name): secretPrefix.allows(name)
    case .configMap(let name): configMapPrefix.allows(name)
    case .pod: true
    case .unknown: false
    }
  }
}
