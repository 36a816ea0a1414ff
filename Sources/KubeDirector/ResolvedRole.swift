/// A role with the app's defaults filled in: what a member of it really gets.
public struct ResolvedRole: Sendable, Hashable {
  public var id: String
  public var cardinality: Cardinality
  /// Empty only where the app breaks `app/role-image`.
  public var image: String
  public var package: ConfigPackage?
  public var persistDirs: [String]
  public var events: Set<LifecycleEvent>
  /// How many bytes of each stream of a failed script are kept in the status; 0 keeps none.
  public var maxLogSizeDump: Int
  public var minResources: [String: String]
  public var minStorage: String?
  public var ephemeralModeSupported: Bool
  public var stdin: Bool
  public var tty: Bool
  public var serviceIDs: [String]

  /// True where the event goes out to members of this role.
  public func hears(_ event: LifecycleEvent) -> Bool {
    package != nil && (events.contains(event) || LifecycleEvent.always.contains(event))
  }

  /// Kept of a script's streams where an app says nothing.
  public static let defaultMaxLogSizeDump = 4096
}

extension AppSpec {
  /// The role with defaults filled in; nil where the app has no such role or its cardinality is no cardinality.
  public func resolved(_ id: String) -> ResolvedRole? {
    guard let role = role(id), let cardinality = Cardinality(role.cardinality) else { return nil }
    let package: ConfigPackage? =
      switch role.package {
      case .inherited: defaultPackage
      case .none: nil
      case .own(let package): package
      }
    return ResolvedRole(
      id: id, cardinality: cardinality, image: role.image ?? defaultImage ?? "", package: package,
      persistDirs: role.persistDirs ?? defaultPersistDirs,
      events: role.events ?? defaultEvents ?? LifecycleEvent.defaults,
      maxLogSizeDump: role.maxLogSizeDump ?? defaultMaxLogSizeDump ?? ResolvedRole.defaultMaxLogSizeDump,
      minResources: role.minResources, minStorage: role.minStorage,
      ephemeralModeSupported: role.ephemeralModeSupported, stdin: role.stdin, tty: role.tty,
      serviceIDs: serviceIDs(of: id))
  }

  /// Every role, resolved, in the order written.
  public var resolvedRoles: [ResolvedRole] { roles.compactMap { resolved($0.id) } }
}
