/// The administrator's limits on what clusters may request.
///
/// Anything that can grant rights, allow access from outside or affect another tenant is denied unless a list names
/// it. `*` in a list allows everything of its kind. Rules reject denied requests, and the engine leaves them out of
/// the objects that it creates.
public struct Tenancy: Sendable, Hashable {
  /// The namespaces in which clusters and apps may be. `Policy` excludes namespaces that are never allowed.
  public var namespaces: [String]
  /// The service accounts that a role may name.
  public var serviceAccounts: [String]
  /// The capabilities that an app may request.
  public var capabilities: [String]
  /// The Secrets that a cluster may name, in any field.
  public var secretPrefix: NamePrefix
  /// The ConfigMaps that a variable may take its value from.
  public var configMapPrefix: NamePrefix
  /// The volume claims that a cluster may mount, besides those of its own members.
  public var claimPrefix: NamePrefix
  /// The URLs from which members may fetch files: complete ones, or prefixes followed by `*`.
  public var fileSources: [String]
  /// The namespaces, besides its own, whose pods a role's affinity may refer to.
  public var affinityNamespaces: [String]
  /// The types that services of members may have.
  public var serviceTypes: [String]
  public var podLabels: KeyList
  public var podAnnotations: KeyList
  public var serviceLabels: KeyList
  public var serviceAnnotations: KeyList

  public init(
    namespaces: [String] = ["*"], serviceAccounts: [String] = [], capabilities: [String] = [],
    secretPrefix: NamePrefix = .none, configMapPrefix: NamePrefix = .none,
    claimPrefix: NamePrefix = .none, fileSources: [String] = [], affinityNamespaces: [String] = [],
    serviceTypes: [String] = Tenancy.standardServiceTypes, podLabels: KeyList = .standardLabels,
    podAnnotations: KeyList = .standardPodAnnotations, serviceLabels: KeyList = .standardLabels,
    serviceAnnotations: KeyList = .standardServiceAnnotations
  ) {
    self.namespaces = namespaces
    self.serviceAccounts = serviceAccounts
    self.capabilities = capabilities
    self.secretPrefix = secretPrefix
    self.configMapPrefix = configMapPrefix
    self.claimPrefix = claimPrefix
    self.fileSources = fileSources
    self.affinityNamespaces = affinityNamespaces
    self.serviceTypes = serviceTypes
    self.podLabels = podLabels
    self.podAnnotations = podAnnotations
    self.serviceLabels = serviceLabels
    self.serviceAnnotations = serviceAnnotations
  }

  /// Only reachable inside the Kubernetes cluster.
  public static let standardServiceTypes = ["ClusterIP"]

  /// No limits, for a Kubernetes cluster with a single tenant.
  public static let unlimited = Tenancy(
    serviceAccounts: ["*"], capabilities: ["*"], secretPrefix: .any, configMapPrefix: .any,
    claimPrefix: .any, fileSources: ["*"], affinityNamespaces: ["*"], serviceTypes: ["*"], podLabels: ["*"],
    podAnnotations: ["*"],
    serviceLabels: ["*"], serviceAnnotations: ["*"])

  /// The settings of the daemon's configuration that contain the lists.
  public enum Setting: String, Sendable, CaseIterable {
    case namespaces, serviceAccounts, capabilities, secretPrefix, configMapPrefix, claimPrefix
    case fileSources, affinityNamespaces
    case serviceTypes, podLabels, podAnnotations, serviceLabels, serviceAnnotations

    /// The key in the configuration, such as `tenancy.podLabels`.
    public var key: String { "tenancy.\(rawValue)" }
  }

  public func allows(namespace: String) -> Bool { Self.names(namespaces, namespace) }
  public func allows(serviceAccount: String) -> Bool { Self.names(serviceAccounts, serviceAccount) }
  public func allows(capability: String) -> Bool { Self.names(capabilities, capability) }
  public func allows(serviceType: String) -> Bool { Self.names(serviceTypes, serviceType) }

  /// A pattern with `*` at its end allows no URL that a client may read as another one.
  public func allows(fileSource url: String) -> Bool {
    fileSources.contains { pattern in
      guard pattern.utf8.last == UInt8(ascii: "*") else { return pattern.utf8.elementsEqual(url.utf8) }
      return url.utf8.starts(with: pattern.utf8.dropLast()) && (pattern == "*" || FileSource.isPlain(url))
    }
  }

  private static func names(_ list: [String], _ name: String) -> Bool {
    list.contains { $0 == "*" || $0.utf8.elementsEqual(name.utf8) }
  }

  /// Whether the affinity of a cluster in one namespace may refer to pods of another.
  public func allows(affinityFrom namespace: String, to other: String) -> Bool {
    other.utf8.elementsEqual(namespace.utf8) || Self.names(affinityNamespaces, other)
  }

  /// Whether affinity may select namespaces by their labels, which can match any tenant's namespace.
  public var allowsAffinityEverywhere: Bool { affinityNamespaces.contains("*") }
}

/// The spelling of URLs from which files are fetched.
enum FileSource {
  /// Whether all clients read the URL's host and path as they are written: no user before the host, and no dot
  /// components, percent signs or backslashes before the query.
  static func isPlain(_ url: String) -> Bool {
    let path = url.utf8.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
    let unclear = [UInt8(ascii: "@"), UInt8(ascii: "%"), UInt8(ascii: "\\")]
    let parts = path.split(separator: UInt8(ascii: "/"))
    return !path.contains { unclear.contains($0) || $0 <= 0x20 }
      && !parts.contains { $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8) }
  }
}

/// The prefix of the object names that a cluster may use.
public enum NamePrefix: Sendable, Hashable {
  /// No object may be used.
  case none
  case prefix(String)
  case any

  /// An empty text allows no name, `*` any name, and another text the names that begin with it, with or without `*` at
  /// its end.
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
