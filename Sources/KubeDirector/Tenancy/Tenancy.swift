/// What the daemon's administrator lets clusters ask for.
///
/// Whatever can grant rights, open a way in or reach another tenant is denied unless a list names it. `*` in a list
/// allows everything of its kind. Rules refuse what is denied, and the engine leaves it out of what it makes.
public struct Tenancy: Sendable, Hashable {
  /// Where clusters and apps may be. `Policy` excepts namespaces that are never allowed.
  public var namespaces: [String]
  /// Those that a role may name.
  public var serviceAccounts: [String]
  /// Those that an app may ask for.
  public var capabilities: [String]
  /// The Secrets that a cluster may name, wherever it names them.
  public var secretPrefix: NamePrefix
  /// The ConfigMaps that a variable may take its value from.
  public var configMapPrefix: NamePrefix
  /// The namespaces, beside its own, whose pods a role's affinity may speak of.
  public var affinityNamespaces: [String]
  /// The types that services of members may have.
  public var serviceTypes: [String]
  public var podLabels: KeyList
  public var podAnnotations: KeyList
  public var serviceLabels: KeyList
  public var serviceAnnotations: KeyList

  public init(
    namespaces: [String] = ["*"], serviceAccounts: [String] = [], capabilities: [String] = [],
    secretPrefix: NamePrefix = .none, configMapPrefix: NamePrefix = .none, affinityNamespaces: [String] = [],
    serviceTypes: [String] = Tenancy.standardServiceTypes, podLabels: KeyList = .standardLabels,
    podAnnotations: KeyList = .standardPodAnnotations, serviceLabels: KeyList = .standardLabels,
    serviceAnnotations: KeyList = .standardServiceAnnotations
  ) {
    self.namespaces = namespaces
    self.serviceAccounts = serviceAccounts
    self.capabilities = capabilities
    self.secretPrefix = secretPrefix
    self.configMapPrefix = configMapPrefix
    self.affinityNamespaces = affinityNamespaces
    self.serviceTypes = serviceTypes
    self.podLabels = podLabels
    self.podAnnotations = podAnnotations
    self.serviceLabels = serviceLabels
    self.serviceAnnotations = serviceAnnotations
  }

  /// Reachable inside the Kubernetes cluster only.
  public static let standardServiceTypes = ["ClusterIP"]

  /// All of it, for a cluster that nobody shares.
  public static let unlimited = Tenancy(
    serviceAccounts: ["*"], capabilities: ["*"], secretPrefix: .any, configMapPrefix: .any,
    affinityNamespaces: ["*"], serviceTypes: ["*"], podLabels: ["*"], podAnnotations: ["*"],
    serviceLabels: ["*"], serviceAnnotations: ["*"])

  /// The settings of the daemon's configuration that hold the lists.
  public enum Setting: String, Sendable, CaseIterable {
    case namespaces, serviceAccounts, capabilities, secretPrefix, configMapPrefix, affinityNamespaces
    case serviceTypes, podLabels, podAnnotations, serviceLabels, serviceAnnotations

    /// `tenancy.podLabels`.
    public var key: String { "tenancy.\(rawValue)" }
  }

  public func allows(namespace: String) -> Bool { Self.names(namespaces, namespace) }
  public func allows(serviceAccount: String) -> Bool { Self.names(serviceAccounts, serviceAccount) }
  public func allows(capability: String) -> Bool { Self.names(capabilities, capability) }
  public func allows(serviceType: String) -> Bool { Self.names(serviceTypes, serviceType) }

  private static func names(_ list: [String], _ name: String) -> Bool {
    list.contains { $0 == "*" || $0.utf8.elementsEqual(name.utf8) }
  }

  /// Whether affinity in a cluster of one namespace may speak of pods of another.
  public func allows(affinityFrom namespace: String, to other: String) -> Bool {
    other.utf8.elementsEqual(namespace.utf8) || Self.names(affinityNamespaces, other)
  }

  /// Whether affinity may choose namespaces by their labels, which may be anybody's.
  public var allowsAffinityEverywhere: Bool { affinityNamespaces.contains("*") }
}

/// What names of objects begin with where a cluster may use them.
public enum NamePrefix: Sendable, Hashable {
  /// No object may be used.
  case none
  case prefix(String)
  case any

  /// An empty text allows none, `*` any, and another text the names that begin with it, a `*` at its end or not.
  public init(_ text: String) {
    switch text {
    case "": self = .none
    case "*": self = .any
    default: self = .prefix(text.hasSuffix("*") ? String(text.dropLast()) : text)
    }
  }

  public func allows(_ name: String) -> Bool {
    switch self {
    case .none: false
    case .any: true
    case .prefix(let prefix): name.utf8.starts(with: prefix.utf8)
    }
  }
}
