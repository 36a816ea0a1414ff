import Values

/// A term of a role's affinity that speaks of other pods, and where it stands in `affinity`.
public struct PodAffinityTerm: Sendable, Hashable {
  public var path: FieldPath
  public var content: JSON

  /// The names that it lists. What Kubernetes would refuse as no name is named by its type, and so not allowed either.
  public var namespaces: [String] {
    guard let listed = content["namespaces"], !listed.isNull else { return [] }
    return (listed.array ?? [listed]).map { $0.string ?? "(\($0.typeName))" }
  }

  /// Whether it chooses namespaces by their labels.
  public var selectsNamespaces: Bool { content["namespaceSelector"].map { !$0.isNull } ?? false }
}

/// The terms of a role's `affinity` about other pods. A pod that must not share a node with pods of a namespace keeps
/// those off its node as well, so a term about other namespaces reaches other tenants.
public enum PodAffinity {
  private static let kinds = ["podAffinity", "podAntiAffinity"]
  private static let required = "requiredDuringSchedulingIgnoredDuringExecution"
  private static let preferred = "preferredDuringSchedulingIgnoredDuringExecution"
  /// Of a preference, beside its weight.
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

  /// The affinity without the terms that are not kept.
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
