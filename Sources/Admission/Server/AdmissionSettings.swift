import Rules

/// What an administrator decides about admission.
public struct AdmissionSettings: Sendable, Hashable {
  /// Where to listen: an address, or a name that resolves to one.
  public var address: String
  /// 0 for any that is free.
  public var port: Int
  /// What the API server calls us beside the names of the Service: the host of `--admission-url`, an address without
  /// brackets.
  public var hostNames: [String]
  /// The daemon's own namespace, where the Secret with the certificate is.
  public var namespace: String
  public var installation: String
  /// The daemon's user name at the server; its requests are not judged.
  public var ownName: String?
  public var policy: Policy
  /// Those whose objects are looked at; nil for all.
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

  /// The Service that API servers reach the daemon by.
  public static let serviceName = "kdops-admission"
  /// What is asked there.
  public static let path = "/admit"

  /// The webhook's configuration of this installation.
  public var configurationName: String { "kdops-\(installation)" }
  /// The webhook in it whose `caBundle` is ours.
  public static let webhookName = "objects.kdops.dev"

  /// Everything that the certificate has to bear.
  var hosts: Set<String> {
    let service = "\(Self.serviceName).\(namespace).svc"
    return Set(hostNames).union([service, "\(service).cluster.local"])
  }
}
