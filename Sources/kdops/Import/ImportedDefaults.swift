import KubeDirector
import Rules
import Values

/// Removes from live specs what an operator filled in: values that mean the same when they are absent.
enum ImportedDefaults {
  /// Fields of a role that an app's default replaces when they are absent.
  private static let inherited = [
    ("imageRepoTag", "defaultImageRepoTag"), ("configPackage", "defaultConfigPackage"),
    ("persistDirs", "defaultPersistDirs"), ("eventList", "defaultEventList"),
    ("maxLogSizeDump", "defaultMaxLogSizeDump"),
  ]

  /// The spec of an app without the defaults that roles repeat.
  static func removed(from app: App) -> JSON {
    var spec = app.spec.raw
    guard case .array(var roles)? = spec["roles"] else { return spec }
    for index in roles.indices {
      for (own, fallback) in inherited {
        guard let value = roles[index][own] else { continue }
        let standard = spec[fallback] ?? .null
        if value == standard { roles[index][own] = Optional<JSON>.none }
      }
    }
    spec["roles"] = .array(roles)
    let shorter = App(metadata: app.metadata, spec: AppSpec(spec))
    return ObjectComparison.app(live: app, head: shorter).isEmpty ? spec : app.spec.raw
  }

  /// The spec of a cluster without default values and empty lists.
  static func removed(from cluster: Cluster) -> JSON {
    var spec = withoutEmptyMembers(cluster.spec.raw)
    if spec["namingScheme"]?.string == "CrNameRole" { spec["namingScheme"] = Optional<JSON>.none }
    if let connections = spec["connections"] {
      let kept = withoutEmptyMembers(connections)
      spec["connections"] = kept.object?.isEmpty == true ? Optional<JSON>.none : .some(kept)
    }
    if case .array(let roles)? = spec["roles"] {
      spec["roles"] = .array(roles.map(withoutEmptyMembers))
    }
    let shorter = Cluster(metadata: cluster.metadata, spec: ClusterSpec(spec))
    let differences = ObjectComparison.cluster(
      live: cluster, head: shorter, apps: (live: nil, head: nil), catalog: nil)
    return differences.isEmpty ? spec : cluster.spec.raw
  }

  /// Removes members that are null or an empty list or object. Those of nested objects are kept: there they may be
  /// required, such as `resources.limits`.
  private static func withoutEmptyMembers(_ value: JSON) -> JSON {
    guard let members = value.object else { return value }
    var kept = value
    for (key, member) in members where key != "resources" && isEmpty(member) {
      kept[key] = Optional<JSON>.none
    }
    return kept
  }

  private static func isEmpty(_ value: JSON) -> Bool {
    switch value {
    case .null: true
    case .array(let items): items.isEmpty
    case .object(let members): members.isEmpty
    default: false
    }
  }
}
