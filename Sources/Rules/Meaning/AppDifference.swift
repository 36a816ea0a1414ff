import KubeDirector
import Values

/// One difference between two apps, with defaults resolved.
public struct AppDifference: Sendable, Hashable {
  public enum Subject: Sendable, Hashable {
    case version
    case upgradable
    case cardinality(role: String)
    case image(role: String)
    /// Only the URL; the role has a package in both apps.
    case packageURL(role: String)
    case other
  }

  public var subject: Subject
  public var difference: Difference

  /// The differences in meaning between two apps, in a stable order; empty if they mean the same.
  public static func between(_ old: AppSpec, _ new: AppSpec) -> [AppDifference] {
    if old.raw == new.raw { return [] }
    var found: [AppDifference] = []
    func add(_ subject: Subject, _ key: String, _ before: JSON?, _ after: JSON?) {
      if before == after { return }
      let path: FieldPath = ["spec", .key(key)]
      found.append(
        AppDifference(
          subject: subject,
          difference: Difference(
            oldPath: before == nil ? ["spec"] : path, newPath: after == nil ? ["spec"] : path, old: before,
            new: after, name: key)))
    }
    add(.version, "version", .string(old.version), .string(new.version))
    add(.upgradable, "upgradable", old.upgradable.map(JSON.bool), new.upgradable.map(JSON.bool))
    found += Difference.between(old.raw, new.raw, shape: .app, at: ["spec"]).map {
      AppDifference(subject: .other, difference: $0)
    }
    for (index, role) in new.roles.enumerated() {
      guard let before = old.roles.firstIndex(where: { $0.id == role.id }) else { continue }
      found += RoleComparison(old: old, new: new, oldIndex: before, newIndex: index).differences
    }
    return found
  }
}

/// One role of two apps, with the apps' defaults resolved.
private struct RoleComparison {
  var old: AppSpec
  var new: AppSpec
  var oldIndex: Int
  var newIndex: Int

  var differences: [AppDifference] {
    let (oldRole, newRole) = (old.roles[oldIndex], new.roles[newIndex])
    let (before, after) = (Resolved(oldRole, in: old), Resolved(newRole, in: new))
    var found: [AppDifference] = []
    func add(_ subject: AppDifference.Subject, _ key: String, _ fallback: String?, _ old: JSON?, _ new: JSON?)
    {
      if old != new { found.append(difference(subject, key, fallback, old, new)) }
    }
    let id = newRole.id
    add(.cardinality(role: id), "cardinality", nil, before.cardinality, after.cardinality)
    add(.image(role: id), "imageRepoTag", "defaultImageRepoTag", before.image, after.image)
    let package = (key: "configPackage", fallback: "defaultConfigPackage")
    switch (before.package, after.package) {
    case (let a?, let b?):
      add(.packageURL(role: id), package.key, package.fallback, .string(a.url), .string(b.url))
      let layouts = (JSON.bool(a.useNewSetupLayout), JSON.bool(b.useNewSetupLayout))
      if layouts.0 != layouts.1 {
        var one = difference(.other, package.key, package.fallback, layouts.0, layouts.1)
        one.difference.name += ".useNewSetupLayout"
        found.append(one)
      }
    case (let a, let b):
      add(.other, package.key, package.fallback, a.map { .string($0.url) }, b.map { .string($0.url) })
    }
    add(.other, "persistDirs", "defaultPersistDirs", before.persistDirs, after.persistDirs)
    add(.other, "eventList", "defaultEventList", before.events, after.events)
    add(.other, "maxLogSizeDump", "defaultMaxLogSizeDump", before.logSize, after.logSize)
    return found
  }

  private struct Resolved {
    var cardinality: JSON
    var image: JSON?
    var package: ConfigPackage?
    var persistDirs: JSON
    var events: JSON
    var logSize: JSON

    init(_ role: AppRole, in spec: AppSpec) {
      cardinality = .string(Cardinality(role.cardinality)?.description ?? role.cardinality)
      image = (role.image ?? spec.defaultImage).map(JSON.string)
      package =
        switch role.package {
        case .inherited: spec.defaultPackage
        case .none: nil
        case .own(let package): package
        }
      persistDirs = JSON(Set(role.persistDirs ?? spec.defaultPersistDirs).sorted())
      events = JSON((role.events ?? spec.defaultEvents ?? LifecycleEvent.defaults).map(\.rawValue).sorted())
      logSize = JSON(
        role.maxLogSizeDump ?? spec.defaultMaxLogSizeDump ?? ResolvedRole.defaultMaxLogSizeDump)
    }
  }

  private func difference(
    _ subject: AppDifference.Subject, _ key: String, _ fallback: String?, _ before: JSON?, _ after: JSON?
  ) -> AppDifference {
    AppDifference(
      subject: subject,
      difference: Difference(
        oldPath: place(of: key, fallback, in: old, role: oldIndex),
        newPath: place(of: key, fallback, in: new, role: newIndex), old: before, new: after,
        name: "roles[\(new.roles[newIndex].id)].\(key)"))
  }

  /// The path of the value: in the role, or in the app's default; if it is in neither, the path of the role.
  private func place(of key: String, _ fallback: String?, in spec: AppSpec, role: Int) -> FieldPath {
    let own: FieldPath = ["spec", "roles", .index(role), .key(key)]
    if spec.raw[FieldPath(steps: Array(own.steps.dropFirst()))] != nil { return own }
    if let fallback, spec.raw[fallback] != nil { return ["spec", .key(fallback)] }
    return own.parent
  }
}
