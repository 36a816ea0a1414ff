/// The administrator's defaults for fields that a cluster's file leaves out. They are applied like fields of the file,
/// so a running pod gets them with the next upgrade of its role.
public struct PodDefaults: Sendable, Hashable {
  /// The type of the services of members. KubeDirector's own default is `LoadBalancer`.
  public var serviceType: String
  /// The storage class of volumes; nil for the default class of the Kubernetes cluster.
  public var storageClass: String?
  /// Labels and annotations of all pods. Those of the file take precedence.
  public var labels: [String: String]
  public var annotations: [String: String]

  public init(
    serviceType: String = PodDefaults.standardServiceType, storageClass: String? = nil,
    labels: [String: String] = [:], annotations: [String: String] = [:]
  ) {
    self.serviceType = serviceType
    self.storageClass = storageClass
    self.labels = labels
    self.annotations = annotations
  }

  public static let standardServiceType = "ClusterIP"
  public static let standardClusterDomain = "cluster.local"
}

extension Cluster {
  /// The cluster with the administrator's defaults in fields that its file leaves out. `raw` keeps the file's fields.
  public func filled(from defaults: PodDefaults) -> Cluster {
    var cluster = self
    cluster.spec.serviceType = spec.serviceType ?? defaults.serviceType
    for index in cluster.spec.roles.indices { cluster.spec.roles[index].fill(from: defaults) }
    return cluster
  }
}

extension ClusterRole {
  fileprivate mutating func fill(from defaults: PodDefaults) {
    if storageSize != nil, storageClass == nil { storageClass = defaults.storageClass }
    podLabels.merge(defaults.labels) { own, _ in own }
    podAnnotations.merge(defaults.annotations) { own, _ in own }
  }
}
