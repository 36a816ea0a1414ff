import ClusterAPI
import Values

/// The settings of an installation of kdops on a cluster.
public struct InstallationSettings: Sendable, Hashable {
  /// How the API server reaches the admission webhook.
  public enum Admission: Sendable, Hashable {
    /// Through a Service in front of the daemon's pod.
    case service
    /// At this `https` URL, for a daemon that runs outside the cluster.
    case url(String)
  }

  /// The Git credentials, from the Secret `kdops-git`.
  public enum GitCredentials: Sendable, Hashable {
    case none
    /// The key `token`.
    case token
    /// The keys `ssh-privatekey` and `known_hosts`.
    case sshKey
  }

  /// A file that the daemon's settings refer to, such as a key.
  public struct KeyFile: Sendable, Hashable {
    /// The file's key in the Secret.
    public var key: String
    /// The administrator's path of the file; nil if the settings already contain the path in the pod.
    public var file: String?

    public init(key: String, file: String?) {
      self.key = key
      self.file = file
    }

    /// The path of the file in the daemon's pod.
    public var path: String { "\(InstallationSettings.keysFolder)/\(key)" }
  }

  /// The namespace of the daemon, its lease and its service account.
  public var namespace: String
  /// The namespace of the apps that every cluster may use.
  public var systemNamespace: String
  /// Distinguishes several installations; part of the names of cluster-scoped objects.
  public var installation: String
  /// The tenant namespaces. An element `*` means all namespaces that tenants may have.
  public var tenantNamespaces: [String]
  /// The URL of the repository; nil to install only the objects that a daemon outside the cluster needs.
  public var repo: String?
  public var branch: String
  /// The time between two fetches, in the format of the daemon's configuration.
  public var interval: String
  public var gitCredentials: GitCredentials
  public var image: String
  /// The number of daemons. One is active, the others wait.
  public var replicas: Int
  /// Nil for no admission webhook.
  public var admission: Admission?
  /// Other settings of the daemon, nested as in its configuration file.
  public var otherSettings: JSON
  /// The files of the Secret `kdops-keys`, in the order of the settings.
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

  /// The tenant namespaces without duplicates; nil for all.
  public var tenants: [String]? {
    tenantNamespaces.contains("*") ? nil : Array(Set(tenantNamespaces)).sorted()
  }
}

extension InstallationSettings {
  /// The service account of the daemon's pods.
  public static let serviceAccount = "kdops"
  /// The Secret with the Git credentials. An administrator creates it; a daemon that reads no private repository does
  /// not need it.
  public static let gitSecret = "kdops-git"
  /// The Secret with the keys and tokens that the daemon's settings refer to. An administrator creates it.
  public static let keysSecret = "kdops-keys"
  /// The folder of these files in the pod.
  public static let keysFolder = "/run/secrets/kdops-keys"
  /// The Secret with the webhook's certificate and key. The daemon writes it.
  public static let admissionSecret = "kdops-admission"
  /// The Service of the daemon's webhook.
  public static let admissionService = "kdops-admission"
  /// The name of the only webhook in the configuration.
  public static let webhook = "objects.kdops.dev"
  /// The URL path of the webhook.
  public static let admissionPath = "/admit"
  /// The port of the webhook in the pod. The Service has port 443.
  public static let admissionPort = 9443

  /// The name of objects that belong only to this installation.
  public var ownName: String { "kdops-\(installation)" }
  /// The namespace of the lease and the certificate: the daemon's own, or the one where a daemon outside the cluster
  /// looks for them.
  var home: String { repo == nil ? systemNamespace : namespace }
  /// The lease of the active daemon.
  public var lease: String { ownName }
  /// The Secret with the key of the stamps.
  public var stampKey: String { StampKey.name(installation: installation) }

  /// The ConfigMap that lists blocked changes.
  public var blockedChangeRecord: String { "kdops-\(installation)-held" }
  /// The ConfigMap in which the daemon stores its undelivered notifications.
  public var notificationRecord: String { "kdops-\(installation)-notifications" }

  /// The labels of every object except those that all installations share.
  var labels: JSON {
    ["app.kubernetes.io/name": "kdops", "app.kubernetes.io/instance": .string(installation)]
  }
}
