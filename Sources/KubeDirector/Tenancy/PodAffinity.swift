import Values

/// A term of a role's affinity about other pods, and its path in `affinity`.
public struct PodAffinityTerm: Sendable, Hashable {
  public var path: FieldPath
  public var content: JSON

  /// The namespaces that it lists. A value that is not a name is represented by its type, so it is not allowed either.
  public var namespaces: [String] {
    guard let listed = content["namespaces"], !listed.isNull else { return [] }
    return (listed.array ?? [listed]).map { $0.string ?? "(\($0.typeName))" }
  }

  /// Whether it selects namespaces by their labels.
  public var selectsNamespaces: Bool { content["namespaceSelector"].map { !$0.isNull } ?? false }
}

/// The terms of a role's `affinity` about other pods.
///
/// A pod that must not share a node with pods of a namespace also keeps those pods off its node, so a term about other
/// namespaces affects other tenants.
public enum PodAffinity {
  private static let kinds = ["podAffinity", "podAntiAffinity"]
  private static let required = "requiredDuringSchedulingIgnoredDuringExecution"
  private static let preferred = "preferredDuringSchedulingIgnoredDuringExecution"
  /// The member that holds the term of a preference, next to its weight.
  private static let term = "podAffinityTerm"

  public static func terms(in affinity: JSON) -> [PodAffinityTerm] {
    var found: [PodAffinityTerm] = []
    for kind in kinds {
      for (index, content) in (affinity[kind]?[required]?.array ?? []).enumerated() {
        found.append(
          PodAffinityTerm(path: [.key(kind), .key(required), .index(index)], content: content))
      }
      for (index, preference) in (affinity[kind]?[preferred]?.array ?? []).enumerated() {
        guard let content = preference[term] else { continue }
        found.append(
          PodAffinityTerm(
            path: [.key(kind), .key(preferred), .index(index), .key(term)], content: content))
      }
    }
    return found
  }

  /// The affinity with only the terms that `keeps` accepts.
  static func filtered(_ affinity: JSON, keeps: (JSON) -> Bool) -> JSON {
    var affinity = affinity
    for kind in kinds {
      for list in [required, preferred] {
        guard let items = affinity[kind]?[list]?.array else { continue }
        let kept = items.filter { item in (list == required ? item : item[term]).map(keeps) ?? true }
        if kept.count < items.count { affinity[kind]?[list] = .array(kept) }
      }
    }
    return affinity
  }
}

extension Tenancy {
  /// Whether a cluster of a namespace may have a term in the affinity of its pods.
  public func allows(_ term: PodAffinityTerm, in namespace: String) -> Bool {
    (!term.selectsNamespaces || allowsAffinityEverywhere)
      && term.namespaces.allSatisfy { allows(affinityFrom: namespace, to: $0) }
  }
}
