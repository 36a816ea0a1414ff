import Values

/// What a variable's `valueFrom` reads.
public enum VariableSource: Sendable, Hashable {
  case secret(String)
  case configMap(String)
  /// A field of the pod itself, or an amount that its container asks for.
  case pod
  /// Something that this version does not know, by its member's name.
  case unknown(String)

  /// Under which member of `valueFrom` it stands.
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
  /// Where the value comes from; none where it stands in the file. Kubernetes takes one at most, which is not relied on.
  public var sources: [VariableSource] {
    guard let source = raw["valueFrom"], !source.isNull else { return [] }
    guard let members = source.object else { return [.unknown("valueFrom")] }
    return members.compactMap { member, value in
      if value.isNull { return nil }
      switch member {
      // Without a name Kubernetes refuses the pod; until then it counts as no allowed one.
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
