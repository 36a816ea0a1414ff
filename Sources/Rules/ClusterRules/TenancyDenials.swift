import KubeDirector
import Values

extension ClusterTenancy {
  /// Collects the violations for everything that a cluster requests and the lists do not allow.
  struct Denials {
    let tenancy: Tenancy
    let cluster: Sourced<Cluster>
    private(set) var found: [Violation] = []

    init(tenancy: Tenancy, cluster: Sourced<Cluster>) {
      (self.tenancy, self.cluster) = (tenancy, cluster)
    }

    // MARK: The cluster's own fields

    mutating func addCapabilities(of app: App?) {
      for capability in app?.spec.capabilities ?? [] where !tenancy.allows(capability: capability) {
        add(
          ["spec", "app"],
          "app \(cluster.spec.app) requests the capability \(capability), which cluster \(cluster.reference) may not have",
          remedy: "use an app without it", entry: capability, .capabilities)
      }
    }

    mutating func addClusterFields() {
      if let type = cluster.spec.serviceType, !tenancy.allows(serviceType: type) {
        add(
          ["spec", "serviceType"],
          "services of cluster \(cluster.reference) may not be of type \(type)",
          remedy: "remove it", entry: type, .serviceTypes)
      }
      addSecret(["spec", "defaultSecret", "name"], cluster.spec.raw["defaultSecret"]?["name"]?.string)
      for (index, name) in cluster.spec.connections.secrets.enumerated() {
        addSecret(["spec", "connections", "secrets", .index(index)], name)
      }
    }

    // MARK: A role's fields

    mutating func add(_ role: ClusterRole, at index: Int) {
      if let account = role.serviceAccountName, !tenancy.allows(serviceAccount: account) {
        add(
          RolePath.of(index, "serviceAccountName"),
          "role \(role.id) of cluster \(cluster.reference) names the service account \(account), which is not allowed",
          remedy: "remove it", entry: account, .serviceAccounts)
      }
      addSecret(RolePath.of(index, "secret", "name"), role.raw["secret"]?["name"]?.string)
      for (position, volume) in (role.raw["volumeProjections"]?.array ?? []).enumerated() {
        guard let name = volume["pvcName"]?.string, !tenancy.claimPrefix.allows(name) else { continue }
        add(
          RolePath.of(index, "volumeProjections", .index(position), "pvcName"),
          "the volume claim \(name) may not be used by role \(role.id) of cluster \(cluster.reference): \(Self.words(tenancy.claimPrefix, "volume claim"))",
          hint: Self.hint(tenancy.claimPrefix, "volume claim", .claimPrefix))
      }
      for (position, file) in (role.raw["fileInjections"]?.array ?? []).enumerated() {
        guard let source = file["srcURL"]?.string, !tenancy.allows(fileSource: source) else { continue }
        add(
          RolePath.of(index, "fileInjections", .index(position), "srcURL"),
          "role \(role.id) of cluster \(cluster.reference) may not fetch \(source)",
          remedy: "remove it", entry: source, .fileSources)
      }
      for (position, variable) in role.env.enumerated() {
        for source in variable.sources where !tenancy.allows(source) {
          let path = RolePath.of(index, "env", .index(position), "valueFrom", .key(source.member))
          add(source, of: variable.name, at: path, role)
        }
      }
      addKeys(role.podLabels, tenancy.podLabels, .podLabels, "label", role, index)
      addKeys(role.podAnnotations, tenancy.podAnnotations, .podAnnotations, "annotation", role, index)
      addKeys(role.serviceLabels, tenancy.serviceLabels, .serviceLabels, "label", role, index)
      addKeys(
        role.serviceAnnotations, tenancy.serviceAnnotations, .serviceAnnotations, "annotation", role, index)
      addAffinity(of: role, at: index)
    }

    private mutating func add(
      _ source: VariableSource, of variable: String, at path: FieldPath, _ role: ClusterRole
    ) {
      let subject = "variable \(variable) in role \(role.id) of cluster \(cluster.reference)"
      switch source {
      case .secret(let name): addSecret(path.appending("name"), name)
      case .configMap(let name):
        add(
          path.appending("name"),
          "the ConfigMap \(name) may not be read by \(subject): \(Self.words(tenancy.configMapPrefix, "ConfigMap"))",
          hint: Self.hint(tenancy.configMapPrefix, "ConfigMap", .configMapPrefix))
      case .pod: break
      case .unknown(let member):
        add(
          path.parent, "\(subject) takes its value from `\(member)`, which is not supported",
          hint: "give it a `value`, or take it from a Secret, a ConfigMap or a field of the pod")
      }
    }

    private mutating func addKeys(
      _ pairs: [String: String], _ list: KeyList, _ setting: Tenancy.Setting, _ what: String,
      _ role: ClusterRole, _ index: Int
    ) {
      if pairs.isEmpty { return }
      // Reserved keys are an error of `cluster/labels`, which no list can override.
      for key in pairs.keys.sorted() where !list.allows(key) && !KeyList.isReserved(key) {
        add(
          RolePath.of(index, .key(setting.rawValue), .key(key)),
          "\(what) \(key) in role \(role.id) of cluster \(cluster.reference) is not allowed",
          remedy: "remove it", entry: key, setting)
      }
    }

    private mutating func addAffinity(of role: ClusterRole, at index: Int) {
      guard let affinity = role.affinity else { return }
      let namespace = cluster.reference.namespace
      let subject = "affinity of role \(role.id) of cluster \(cluster.reference)"
      for term in PodAffinity.terms(in: affinity) where !tenancy.allows(term, in: namespace) {
        let path = RolePath.of(index, "affinity") + term.path
        if term.selectsNamespaces, !tenancy.allowsAffinityEverywhere {
          add(
            path.appending("namespaceSelector"),
            "\(subject) selects pods of any namespace with some labels, including other tenants' pods",
            remedy: "remove the selector, so that it selects pods of \(namespace)", entry: "*",
            .affinityNamespaces)
        }
        for other in term.namespaces where !tenancy.allows(affinityFrom: namespace, to: other) {
          add(
            path.appending("namespaces"),
            "\(subject) selects pods of the namespace \(other), which may be another tenant's",
            remedy: "remove it, so that pods of \(namespace) are selected", entry: other, .affinityNamespaces)
        }
      }
    }

    // MARK: Messages

    private mutating func addSecret(_ path: FieldPath, _ name: String?) {
      guard let name, !tenancy.secretPrefix.allows(name) else { return }
      add(
        path,
        "the Secret \(name) may not be used by cluster \(cluster.reference): \(Self.words(tenancy.secretPrefix, "Secret"))",
        hint: Self.hint(tenancy.secretPrefix, "Secret", .secretPrefix))
    }

    private static func words(_ prefix: NamePrefix, _ kind: String) -> String {
      switch prefix {
      case .none: "no \(kind) is allowed"
      case .prefix(let text): "only names that begin with \(text) are allowed"
      case .any: "every \(kind) is allowed"
      }
    }

    private static func hint(_ prefix: NamePrefix, _ kind: String, _ setting: Tenancy.Setting) -> String {
      switch prefix {
      case .prefix(let text):
        "name a \(kind) that begins with \(text), as `\(setting.key)` in the daemon's configuration requires"
      case .none, .any:
        "remove it, or ask an administrator to set `\(setting.key)` in the daemon's configuration to the prefix of allowed names"
      }
    }

    private mutating func add(
      _ path: FieldPath, _ message: String, remedy: String, entry: String, _ setting: Tenancy.Setting
    ) {
      add(
        path, message,
        hint:
          "\(remedy), or ask an administrator to add \(entry) to `\(setting.key)` in the daemon's configuration"
      )
    }

    private mutating func add(_ path: FieldPath, _ message: String, hint: String) {
      found.append(Violation(path, message, hint: hint))
    }
  }
}
