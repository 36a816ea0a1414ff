import KubeDirector
import Values

/// Compares the specs of two clusters with defaults resolved.
enum ClusterMeaning {
  /// The differences between two specs; empty if they mean the same.
  /// - Parameters:
  ///   - apps: The apps of the old and the new cluster, which give the default for absent `members`.
  ///   - catalogs: The catalogs in which these apps were found, for a spec that names no catalog.
  static func differences(
    _ old: ClusterSpec, _ new: ClusterSpec, apps: (old: App?, new: App?),
    catalogs: (old: AppCatalog?, new: AppCatalog?)
  ) -> [Difference] {
    let same = old.raw == new.raw
    if same, apps.old?.spec.raw == apps.new?.spec.raw { return [] }
    return Difference.between(
      filled(old, app: apps.old, catalog: catalogs.old), filled(new, app: apps.new, catalog: catalogs.new),
      shape: .cluster, at: ["spec"])
  }

  private static func filled(_ spec: ClusterSpec, app: App?, catalog: AppCatalog?) -> JSON {
    var raw = spec.raw
    if raw["appCatalog"]?.string == nil, let catalog { raw["appCatalog"] = .string(catalog.rawValue) }
    raw = withSecrets(raw)
    guard let app, case .array(var roles)? = raw["roles"] else { return raw }
    for index in roles.indices where roles[index]["members"]?.integer == nil {
      guard let id = roles[index]["id"]?.string, let role = app.spec.role(id),
        let cardinality = Cardinality(role.cardinality)
      else { continue }
      roles[index]["members"] = JSON(cardinality.minimum)
    }
    raw["roles"] = .array(roles)
    return raw
  }

  /// Moves `defaultSecret` to the roles that have no secret of their own.
  private static func withSecrets(_ raw: JSON) -> JSON {
    guard let common = raw["defaultSecret"], SecretMount(common) != nil,
      case .array(var roles)? = raw["roles"]
    else { return raw }
    var raw = raw
    for index in roles.indices where roles[index]["secret"].flatMap(SecretMount.init) == nil {
      roles[index]["secret"] = common
    }
    raw["roles"] = .array(roles)
    raw["defaultSecret"] = nil
    return raw
  }

  /// True for the number of members, and for an added or removed role.
  static func isSize(_ difference: Difference) -> Bool {
    let steps = difference.new == nil ? difference.oldPath.steps : difference.newPath.steps
    guard steps.count >= 2, steps[0] == .key("spec"), steps[1] == .key("roles") else { return false }
    switch steps.count {
    case 2, 3: return true
    case 4: return steps[3] == .key("members")
    default: return false
    }
  }
}
