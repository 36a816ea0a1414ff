import ClusterAPI
import KubeDirector
import Upgrade
import Values

/// Builds the desired Kubernetes objects of a cluster. Pure: the same input gives the same objects.
///
/// A newer version of the daemon may build another template for the same input. That restarts no pod, because the
/// template of an existing set is written only together with a new image.
struct ObjectBuilder {
  let cluster: Cluster
  let owner: OwnerReference
  /// Contains the pinned catalog of each app.
  let status: ClusterStatus
  let clusterDomain: String
  /// Derives the tokens of members.
  let stamp: Stamp

  var headlessService: String {
    DerivedNames.headlessService(cluster: cluster.metadata.name, adopted: status.adopted)
  }

  /// The labels of every object of the cluster, including pods. The app's name is not among them: it is not part of
  /// any selector or template.
  func labels(role: String? = nil) -> [String: String] {
    var labels = [
      Wire.Label.cluster: cluster.metadata.name, Wire.Label.headless: headlessService,
    ]
    labels[Wire.Label.role] = role
    return labels
  }

  /// The labels of an object other than a pod. They also name the app, and its catalog if that is pinned.
  private func labels(role: String? = nil, app: String) -> [String: String] {
    var labels = labels(role: role)
    labels[Wire.Label.app] = app
    labels[Wire.Label.appCatalog] = catalog(of: app)?.rawValue
    return labels
  }

  private func catalog(of app: String) -> AppCatalog? {
    if app == status.app { return status.appCatalog }
    guard let info = status.upgradeInfo, app == info.prevApp else { return nil }
    return info.prevAppCatalog
  }

  private var domain: String {
    DerivedNames.domain(of: cluster.metadata, clusterDomain: clusterDomain, adopted: status.adopted)
  }

  func headless() -> Object {
    service(
      headlessService, labels: labels(app: status.app), annotations: [:],
      spec: [
        "clusterIP": "None", "publishNotReadyAddresses": true,
        "selector": JSON([Wire.Label.cluster: cluster.metadata.name]),
        "ports": [["name": "port", "port": 8888]],
      ])
  }

  /// Whether the headless service exists as it would be made from now. That of an adopted cluster stays unchanged.
  ///
  /// - Parameter marks: the marks of the existing services, by name; empty for a service without a mark.
  func hasHeadless(_ marks: [String: String]) -> Bool {
    guard let found = marks[headlessService] else { return false }
    return found == headless().annotation(ServiceAnnotation.mark) || status.adopted != nil && found.isEmpty
  }

  /// Creates a service with a digest of its input, which shows later whether the service must be updated.
  private func service(
    _ name: String, labels: [String: String], annotations: [String: String], spec: JSON,
    for pod: String? = nil
  ) -> Object {
    let mark = Digest.short(
      (["labels": JSON(labels), "annotations": JSON(annotations), "spec": spec] as JSON).text())
    var annotations = annotations
    annotations[ServiceAnnotation.mark] = mark
    var spec = spec
    if let pod { spec["selector"] = JSON(["statefulset.kubernetes.io/pod-name": pod]) }
    return Object(
      .services, namespace: cluster.metadata.namespace, name: name, labels: labels, annotations: annotations,
      owners: [owner], content: ["spec": spec])
  }

  /// The names of the member services that were made from other input than they would be made from now.
  ///
  /// - Parameter marks: the marks of the existing services, by name.
  func outdated(_ marks: [String: String], _ app: AppSpec?) -> Set<String> {
    var names: Set<String> = []
    for role in status.roles {
      guard let spec = cluster.spec.role(role.id), let resolved = app?.resolved(role.id),
        !resolved.serviceIDs.isEmpty
      else { continue }
      let services = resolved.serviceIDs.compactMap { app?.service($0) }
      func mark(_ pod: String) -> String? {
        memberService(role: spec, services: services, pod: pod).annotation(ServiceAnnotation.mark)
      }
      // Without tokens the mark depends on the role, not on the member.
      let common = services.contains(where: \.hasAuthToken) ? nil : mark("")
      for member in role.members {
        let name = member.serviceName
        guard let found = marks[name], !(found.isEmpty && isKept(member)) else { continue }
        if found != common ?? mark(member.pod) { names.insert(name) }
      }
    }
    return names
  }

  /// Whether the member's service stays as the other operator made it: the member's token and ports do not change
  /// before its first upgrade.
  private func isKept(_ member: MemberStatus) -> Bool {
    status.adopted.map { $0.app == member.app } ?? false
  }

  /// The service of one member, with one port for each service of its role.
  ///
  /// The names of the ports are KubeDirector's, or the ids of the services if two of those are equal: `http-a` and `b`
  /// are joined to the same name as `http` and `a-b`.
  func memberService(role: ClusterRole, services: [AppService], pod: String) -> Object {
    let areUnique = Set(services.map(\.portName)).count == services.count
    let ports = services.map { service -> JSON in
      [
        "name": .string(areUnique ? service.portName : service.id), "port": JSON(service.port),
        "protocol": "TCP",
      ]
    }
    var labels = labels(role: role.id, app: status.app)
    labels.merge(role.serviceLabels) { ours, _ in ours }
    var annotations = role.serviceAnnotations
    annotations[ServiceAnnotation.token] =
      services.contains(where: \.hasAuthToken)
      ? stamp.token(of: pod, cluster: cluster.metadata.uid ?? "") : nil
    let member = status.role(role.id)?.members.first { $0.pod == pod }
    return service(
      member?.serviceName ?? DerivedNames.memberService(pod: pod), labels: labels, annotations: annotations,
      spec: [
        "type": .string(cluster.spec.serviceType ?? PodDefaults.standardServiceType), "ports": .array(ports),
        "publishNotReadyAddresses": true,
      ], for: pod)
  }

  func statefulSet(
    name: String, role: ClusterRole, app: String, resolved: ResolvedRole, spec: AppSpec, goal: SetGoal
  )
    -> Object
  {
    let labels = labels(role: role.id, app: app)
    var content: JSON = [
      "serviceName": .string(headlessService), "podManagementPolicy": "Parallel",
      "replicas": JSON(goal.replicas), "revisionHistoryLimit": 10,
      "selector": ["matchLabels": JSON(selector(role.id))],
      "updateStrategy": goal.strategy.json,
      "template": template(role: role, resolved: resolved, spec: spec),
    ]
    if let claim = claim(role) { content["volumeClaimTemplates"] = [claim] }
    return Object(
      .statefulSets, namespace: cluster.metadata.namespace, name: name, labels: labels,
      annotations: [SetAnnotation.image: resolved.image], owners: [owner], content: ["spec": content])
  }

  private func selector(_ role: String) -> [String: String] {
    [Wire.Label.cluster: cluster.metadata.name, Wire.Label.role: role]
  }

  private func claim(_ role: ClusterRole) -> JSON? {
    guard let size = role.storageSize else { return nil }
    var spec: JSON = [
      "accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": .string(size)]],
    ]
    spec["storageClassName"] = role.storageClass.map(JSON.string)
    return [
      "metadata": ["name": .string(Self.claimName), "labels": JSON(selector(role.id))], "spec": spec,
    ]
  }

  static let claimName = ClusterShape.claimTemplate
  private static let seedMount = "/kdops/volume"
  private static let pythonBase = "PYTHONUSERBASE"

  private func template(role: ClusterRole, resolved: ResolvedRole, spec: AppSpec) -> JSON {
    var labels = role.podLabels
    labels.merge(self.labels(role: role.id)) { _, ours in ours }
    // KubeDirector's headless service selects pods by the name of the cluster, not by its own.
    labels.merge(status.adopted?.headlessSelector ?? [:]) { _, selector in selector }
    var metadata: JSON = ["labels": JSON(labels)]
    if !role.podAnnotations.isEmpty { metadata["annotations"] = JSON(role.podAnnotations) }
    var pod: JSON = [:]
    var container: JSON = [
      "name": "app", "image": .string(resolved.image),
      "imagePullPolicy": .string(Self.pullPolicy(resolved.image)),
      "resources": resources(role),
    ]
    var variables = role.containerEnvironment
    // As KubeDirector does: a configcli on the volume of an adopted member needs it, also in a shell that a user opens.
    if resolved.package != nil, !role.env.contains(where: { $0.name == Self.pythonBase }) {
      variables.append(["name": .string(Self.pythonBase), "value": "/usr/local"])
    }
    if !variables.isEmpty { container["env"] = .array(variables) }
    let ports = resolved.serviceIDs.compactMap { spec.service($0) }.map { service -> JSON in
      ["name": .string(service.id), "containerPort": JSON(service.port), "protocol": "TCP"]
    }
    if !ports.isEmpty { container["ports"] = .array(ports) }
    if resolved.stdin { container["stdin"] = true }
    if resolved.tty { container["tty"] = true }
    if !spec.capabilities.isEmpty {
      container["securityContext"] = ["capabilities": ["add": JSON(spec.capabilities)]]
    }
    let folders = role.storageSize == nil ? [] : Self.persisted(resolved)
    var mounts: [JSON] = folders.map {
      [
        "name": .string(Self.claimName), "mountPath": .string($0),
        "subPath": .string(String($0.dropFirst())),
      ]
    }
    if !folders.isEmpty {
      pod["initContainers"] = [
        [
          "name": "seed", "image": .string(resolved.image),
          "imagePullPolicy": .string(Self.pullPolicy(resolved.image)),
          "command": JSON(["/bin/sh", "-c", PodScripts.seed, "seed", Self.seedMount] + folders),
          "resources": resources(role),
          "volumeMounts": [["name": .string(Self.claimName), "mountPath": .string(Self.seedMount)]],
        ]
      ]
    }
    let added = MemberVolumes(role: role, usesSystemd: spec.systemdRequired, persisted: folders)
    mounts += added.mounts
    if !mounts.isEmpty { container["volumeMounts"] = .array(mounts) }
    if !added.volumes.isEmpty { pod["volumes"] = .array(added.volumes) }
    pod["containers"] = [container]
    // Members reach each other by the names of pods alone.
    pod["dnsConfig"] = [
      "searches": [.string(domain)]
    ]
    pod["terminationGracePeriodSeconds"] = JSON(
      GracePeriods(cluster.metadata.annotations[Wire.Annotation.gracePeriod]).seconds(of: role.id))
    pod["automountServiceAccountToken"] = .bool(role.serviceAccountName != nil)
    pod["serviceAccountName"] = role.serviceAccountName.map(JSON.string)
    pod["affinity"] = role.affinity
    return ["metadata": metadata, "spec": pod]
  }

  /// The default pull policy of Kubernetes: `Always` for the tag `latest` and without a tag, otherwise `IfNotPresent`.
  static func pullPolicy(_ image: String) -> String {
    if image.utf8.contains(UInt8(ascii: "@")) { return "IfNotPresent" }
    // A colon before the last slash separates a port.
    guard let name = image.utf8.split(separator: UInt8(ascii: "/")).last,
      let colon = name.lastIndex(of: UInt8(ascii: ":"))
    else { return "Always" }
    return name[name.index(after: colon)...].elementsEqual("latest".utf8) ? "Always" : "IfNotPresent"
  }

  private func resources(_ role: ClusterRole) -> JSON {
    var out: JSON = ["limits": JSON(role.limits)]
    if !role.requests.isEmpty { out["requests"] = JSON(role.requests) }
    return out
  }

  /// The folders that are persistent in a role with storage, without folders inside another one.
  static func persisted(_ role: ResolvedRole) -> [String] {
    var folders = ["/etc"] + role.persistDirs
    if let package = role.package {
      folders += ["/opt/guestconfig", "/opt/guestconfig.backup", "/var/log/guestconfig"]
      folders += package.useNewSetupLayout ? ["/usr/local/bin", "/usr/local/lib"] : ["/opt", "/usr"]
    }
    return ContainerPath.outermost(folders.compactMap { ContainerPath($0) }).map(\.text)
  }
}

extension SetStrategy {
  var json: JSON {
    switch self {
    case .onDelete: ["type": "OnDelete"]
    case .rollingUpdate(let partition):
      ["type": "RollingUpdate", "rollingUpdate": ["partition": JSON(partition)]]
    }
  }
}
