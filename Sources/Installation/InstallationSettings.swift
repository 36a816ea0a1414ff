import ClusterAPI
import Values

/// What an administrator decides before kdops is installed on a cluster.
public struct InstallationSettings: Sendable, Hashable {
  /// How the API server reaches the admission webhook.
  public enum Admission: Sendable, Hashable {
    /// Through a Service, in front of the daemon in its pod.
    case service
    /// At this `https` URL, for a daemon that runs outside of the cluster.
    case url(String)
  }

  /// What the daemon shows the git host, from the Secret `kdops-git`.
  public enum GitCredentials: Sendable, Hashable {
    case none
    /// The key `token`.
    case token
    /// The keys `ssh-privatekey` and `known_hosts`.
    case sshKey
  }

  /// A file that the daemon's settings name, such as one of keys.
  public struct KeyFile: Sendable, Hashable {
    /// The key of the Secret that holds it.
    public var key: String
    /// Where the administrator has it; nil where the settings name it in the pod already.
    public var file: String?

    public init(key: String, file: String?) {
      self.key = key
      self.file = file
    }

    /// Where the daemon reads it in its pod.
    public var path: String { "\(InstallationSettings.keysFolder)/\(key)" }
  }

  /// Where the daemon lives, with its lease and its service account.
  public var namespace: String
  /// Where the apps are that every cluster may use.
  public var systemNamespace: String
  /// Tells several installations apart; part of the names of objects that belong to the whole cluster.
  public var installation: String
  /// A `*` among them stands for all that tenants may have.
  public var tenantNamespaces: [String]
  /// Where the repository is; nil where only what the daemon needs is installed, and not the daemon itself.
  public var repo: String?
  public var branch: String
  /// Between two fetches, as the daemon's configuration has it.
  public var interval: String
  public var gitCredentials: GitCredentials
  public var image: String
  /// How many daemons run, of which one acts and the others wait.
  public var replicas: Int
  /// Nil for no admission webhook.
  public var admission: Admission?
  /// Settings of the daemon beside those above, nested as in its configuration file.
  public var otherSettings: JSON
  /// What the Secret `kdops-keys` is to hold, in the order of the settings.
  public var keyFiles: [KeyFile]

  public init(
    namespace: String = "kdops-system", systemNamespace: String? = nil, installation: String = "default",
    tenantNamespaces: [String] = ["*"], repo: String? = nil, branch: String = "main", interval: String = "1m",
    gitCredentials: GitCredentials = .none, image: String = "localhost/kdops:dev", replicas: Int = 1,
    admission: Admission? = nil, otherSettings: JSON = [:], keyFiles: [KeyFile] = []
  ) {
    self.namespace = namespace
    self.systemNamespace = systemNamespace ?? namespace
    self.installation = installation
    self.tenantNamespaces = tenantNamespaces
    self.repo = repo
    self.branch = branch
    self.interval = interval
    self.gitCredentials = gitCredentials
    self.image = image
    self.replicas = replicas
    self.admission = admission
    self.otherSettings = otherSettings
    self.keyFiles = keyFiles
  }

  /// The namespaces that tenants have, each once; nil for all.
  public var tenants: [String]? {
    tenantNamespaces.contains("*") ? nil : Array(Set(tenantNamespaces)).sorted()
  }
}

extension InstallationSettings {
  /// The account that the daemon's pods use.
  public static let serviceAccount = "kdops"
  /// Who the daemon is to the git host. Made by an administrator; no daemon needs it that reads no private
  /// repository.
  public static let gitSecret = "kdops-git"
  /// The files of keys and tokens that the daemon's settings name. Made by an administrator.
  public static let keysSecret = "kdops-keys"
  /// Where they are in the pod.
  public static let keysFolder = "/run/secrets/kdops-keys"
  /// Where the daemon keeps its webhook's certificate and key.
  public static let admissionSecret = "kdops-admission"
  /// In front of the daemon's webhook.
  public static let admissionService = "kdops-admission"
  /// The name of the one webhook in the configuration.
  public static let webhook = "objects.kdops.dev"
  /// Where the webhook answers.
  public static let admissionPath = "/admit"
  /// What the webhook listens on in the pod; the Service has 443.
  public static let admissionPort = 9443

  /// The name of what belongs to this installation alone.
  public var ownName: String { "kdops-\(installation)" }
  /// Where the lease is, and the certificate: beside the daemon, or where one that runs elsewhere looks for them.
  var home: String { repo == nil ? systemNamespace : namespace }
  /// The lease that is held by the one daemon that acts.
  public var lease: String { ownName }
  /// The Secret with the key of the stamps.
  public var stampKey: String { StampKey.name(installation: installation) }

  /// The ConfigMap that says what is held.
  public var heldRecord: String { "kdops-\(installation)-held" }

  /// On every object but those that all installations share.
  var labels: JSON {
    ["app.kubernetes.io/name": "kdops", "app.kubernetes.io/instance": .string(installation)]
  }
}
