import ClusterAPI

/// Selects the daemons of one installation on Kubernetes.
struct DaemonSelection: Hashable {
  /// The namespace of the daemon's own objects.
  var systemNamespace: String
  var installation: String

  /// The Lease by which one of the daemons leads.
  var lease: ObjectName { ObjectName(namespace: systemNamespace, name: "kdops-\(installation)") }
}
