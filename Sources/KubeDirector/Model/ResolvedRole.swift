/// A role with the app's defaults resolved: the configuration that a member gets.
public struct ResolvedRole: Sendable, Hashable {
  public var id: String
  public var cardinality: Cardinality
  /// Empty only if the app violates `app/role-image`.
  public var image: String
  public var package: ConfigPackage?
  public var persistDirs: [String]
  public var events: Set<LifecycleEvent>
  /// The number of bytes of each output stream of a failed script that the status keeps; 0 keeps none.
  public var maxLogSizeDump: Int
  public var minResources: [String: String]
  public var minStorage: String?
  public var ephemeralModeSupported: Bool
  public var stdin: Bool
  public var tty: Bool
  public var serviceIDs: [String]

  /// Whether members of this role subscribe to the event.
  public func subscribes(_ event: LifecycleEvent) -> Bool {
    package != nil && (events.contains(event) || LifecycleEvent.always.contains(event))
  }

  /// The number of bytes that are kept of a script's output if the app does not set it.
  public static let defaultMaxLogSizeDump = 4096
}

extension AppSpec {
  /// The role with defaults resolved; nil if the app has no such role or its cardinality is invalid.
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

  /// All roles with defaults resolved, in file order.
  public var resolvedRoles: [ResolvedRole] { roles.compactMap { resolved($0.id) } }
}
