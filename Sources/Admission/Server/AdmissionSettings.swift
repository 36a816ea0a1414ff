import Rules

/// The administrator's settings for admission.
public struct AdmissionSettings: Sendable, Hashable {
  /// The address to listen on: an IP address, or a name that resolves to one.
  public var address: String
  /// 0 for any free port.
  public var port: Int
  /// The names by which the API server reaches this server, besides those of the Service: the host of
  /// `--admission-url`, an address without brackets.
  public var hostNames: [String]
  /// The daemon's own namespace, which contains the Secret with the certificate.
  public var namespace: String
  public var installation: String
  /// The daemon's user name at the server; its requests are always allowed.
  public var ownName: String?
  public var policy: Policy
  /// The namespaces whose objects are checked; nil for all.
  public var namespaces: [String]?

  public init(
    address: String = "0.0.0.0", port: Int = 9443, hostNames: [String] = [],
    namespace: String = Policy.defaultSystemNamespace, installation: String = "default",
    ownName: String? = nil, policy: Policy = Policy(), namespaces: [String]? = nil
  ) {
    self.address = address
    self.port = port
    self.hostNames = hostNames
    self.namespace = namespace
    self.installation = installation
    self.ownName = ownName
    self.policy = policy
    self.namespaces = namespaces
  }

  /// The Service through which API servers reach the daemon.
  public static let serviceName = "kdops-admission"
  /// The path of the webhook.
  public static let path = "/admit"

  /// The name of this installation's ValidatingWebhookConfiguration.
  public var configurationName: String { "kdops-\(installation)" }
  /// The name of the webhook in the ValidatingWebhookConfiguration whose `caBundle` kdops sets.
  public static let webhookName = "objects.kdops.dev"

  /// All hosts that the certificate must contain.
  var hosts: Set<String> {
    let service = "\(Self.serviceName).\(namespace).svc"
    return Set(hostNames).union([service, "\(service).cluster.local"])
  }
}
