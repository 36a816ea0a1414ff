import ClusterAPI
import KubeDirector
import Logging
import Upgrade
import Values

/// Executes the machine's actions through `ClusterAPI`.
struct ActionExecutor: Sendable {
  let api: any ClusterAPI
  let cache: ClusterCache
  let settings: Engine.Settings
  let logger: Logger
  let eventRecorder: EventRecorder?

  /// The state of one cluster during a step.
  struct Context: Sendable {
    var cluster: Cluster
    var owner: OwnerReference
    var status: ClusterStatus
    var apps: [String: AppSpec]
    var sets: [String: KnownSet]
    var clusterDomain: String
    var stamp: Stamp
    var connections = Connections()
    var reference: Object.Reference {
      Object.Reference(apiVersion: owner.apiVersion, kind: owner.kind, name: name, uid: owner.uid)
    }
    var name: ObjectName { ObjectName(namespace: cluster.metadata.namespace, name: cluster.metadata.name) }
    var builder: ObjectBuilder {
      ObjectBuilder(
        cluster: cluster, owner: owner, status: status, clusterDomain: clusterDomain, stamp: stamp)
    }
  }

  /// Executes one short action.
  ///
  /// - Throws: the error of the API. `.conflict` means that the step was decided from an outdated object; the next
  ///   step reads the current one.
  func perform(_ action: Action, in context: Context) async throws(APIError) {
    switch action {
    case .createHeadlessService:
      try await create(context.builder.headless(), .services, context)
    case .createMemberService(let role, let pod):
      guard let spec = context.cluster.spec.role(role), let app = context.apps[context.status.app],
        let resolved = app.resolved(role)
      else { return }
      let services = resolved.serviceIDs.compactMap { app.service($0) }
      let service = context.builder.memberService(role: spec, services: services, pod: pod)
      try await create(service, .services, context)
    case .deleteMemberService(let service):
      try await deleteOwn(.services, service, context)
    case .releaseClaim(let claim):
      try await release(claim, context)
    case .apply(let role, let goal):
      try await apply(role, goal, context)
    case .deleteSet(let role):
      guard
        let name = context.status.role(role)?.statefulSet
          ?? context.sets.values.first(where: { $0.role == role })?.object.name
      else { return }
      try await deleteOwn(.statefulSets, name, context)
    case .deletePod(let pod, let uid, let version, let immediately):
      let name = ObjectName(namespace: context.name.namespace, name: pod)
      try await delete(
        .pods, name,
        Preconditions(
          uid: uid, resourceVersion: version.isEmpty ? nil : version, gracePeriod: immediately ? 0 : nil))
    case .label(let pod, let app):
      let name = ObjectName(namespace: context.name.namespace, name: pod)
      let patch: JSON = ["metadata": ["labels": JSON([Wire.Label.app: app])]]
      await cache.put(try await api.patch(.pods, name, merge: patch), .pods)
    case .emit(let event):
      emit(event, context)
    case .order, .wake:
      break  // The engine handles these: they outlive the step.
    }
  }

  /// Creates an object. An existing object of that name that the cluster owns is updated instead.
  ///
  /// - Throws: `.other` if another owner's object has the name; `.conflict` if the existing object is being deleted.
  private func create(_ object: Object, _ resource: Resource, _ context: Context) async throws(APIError) {
    do {
      await cache.put(try await api.create(object), resource)
    } catch  where error.kind == .alreadyExists {
      let name = object.objectName
      guard let found = try await find(resource, name), !found.isBeingDeleted, !isOfFormer(found, context)
      else {
        throw APIError(.conflict, "\(resource.kind) \(name) is being deleted; it is made anew afterwards")
      }
      guard isOwn(found, context) else {
        throw APIError(
          .other,
          "\(resource.kind) \(name) exists already and belongs to another owner; "
            + "remove it or rename the cluster")
      }
      if resource == .statefulSets,
        let mismatch = ClusterShape.mismatch(
          set: found.json, of: context.name.name, adopted: context.status.adopted)
      {
        throw APIError(.other, Condition.notUnderstood([mismatch]))
      }
      // Also restores the labels, in case they were removed: the cluster cache finds objects by them.
      var patch: JSON = ["metadata": ["labels": JSON(object.labels)]]
      // A set's annotation describes its template correctly only if both are written together.
      if resource == .services {
        patch["metadata"]?["annotations"] = JSON(object.annotations)
        patch["spec"] = Self.servicePatch(object, of: found.json["spec"])
      }
      await cache.put(try await api.patch(resource, name, merge: patch), resource)
    }
  }

  /// The patch of a service's spec.
  ///
  /// Removes fields that the server filled in for another service type: a merge patch must name them. Keeps the port of
  /// the node for each port of the service: the server would choose another one for a port with a new name.
  static func servicePatch(_ service: Object, of live: JSON?) -> JSON? {
    var spec = service.json["spec"]
    if spec?["type"] != "ClusterIP", case .array(var ports)? = spec?["ports"] {
      for index in ports.indices {
        let same = live?["ports"]?.array?.first {
          $0["port"] == ports[index]["port"]
            && ($0["protocol"] ?? "TCP") == (ports[index]["protocol"] ?? "TCP")
        }
        if let port = same?["nodePort"] { ports[index]["nodePort"] = port }
      }
      spec?["ports"] = .array(ports)
    }
    if spec?["type"] == "ClusterIP" {
      for field in ["externalTrafficPolicy", "healthCheckNodePort", "allocateLoadBalancerNodePorts"] {
        spec?[field] = .some(.null)
      }
    }
    return spec
  }

  private func find(_ resource: Resource, _ name: ObjectName) async throws(APIError) -> Object? {
    do { return try await api.get(resource, name) } catch  where error.kind == .notFound { return nil }
  }

  private func isOwn(_ object: Object, _ context: Context) -> Bool {
    object.owners.contains { $0.uid == context.owner.uid }
  }

  /// Whether the object's owner was a deleted cluster of the same name. Kubernetes is about to delete such an object.
  private func isOfFormer(_ object: Object, _ context: Context) -> Bool {
    let owner = context.owner
    return !isOwn(object, context)
      && object.owners.contains { $0.kind == owner.kind && $0.name == owner.name }
  }

  /// Deletes an object if the cluster owns it. Another owner's object of that name is left alone.
  private func deleteOwn(_ resource: Resource, _ name: String, _ context: Context) async throws(APIError) {
    let name = ObjectName(namespace: context.name.namespace, name: name)
    guard let found = try await find(resource, name), isOwn(found, context) else { return }
    try await delete(resource, name, Preconditions(uid: found.uid))
  }

  private func delete(_ resource: Resource, _ name: ObjectName, _ preconditions: Preconditions)
    async throws(APIError)
  {
    do { try await api.delete(resource, name, preconditions) } catch  where error.kind == .notFound { return }
  }

  private func apply(_ role: String, _ goal: SetGoal, _ context: Context) async throws(APIError) {
    guard let name = context.status.role(role)?.statefulSet, let app = context.apps[goal.app],
      let resolved = app.resolved(role)
    else { return }
    // A role that was just removed in git is only scaled down. Its last template needs no change.
    guard let spec = context.cluster.spec.role(role) else {
      let patch: JSON = ["spec": ["replicas": JSON(goal.replicas)]]
      let set = ObjectName(namespace: context.name.namespace, name: name)
      await cache.put(try await api.patch(.statefulSets, set, merge: patch), .statefulSets)
      return
    }
    let wanted = context.builder.statefulSet(
      name: name, role: spec, app: goal.app, resolved: resolved, spec: app, goal: goal)
    guard let known = context.sets[name]?.object else {
      try await create(wanted, .statefulSets, context)
      return
    }
    // A role without members may have changed in git in fields that are immutable in a set. Also, new pods below the
    // partition would be created from the old revision. So the set is created again; nothing is lost, because it does
    // not own the volumes.
    if known.json["spec"]?["replicas"]?.count() == 0, known.json["status"]?["replicas"]?.count() ?? 0 == 0,
      goal.replicas > 0
    {
      try await delete(.statefulSets, known.objectName, Preconditions(uid: known.uid))
      try await create(wanted, .statefulSets, context)
      return
    }
    var change: JSON = ["replicas": JSON(goal.replicas), "updateStrategy": strategyPatch(goal.strategy)]
    if known.annotation(SetAnnotation.image) != resolved.image,
      let template = Self.template(of: wanted, selectedBy: known)
    {
      // Names the fields that the new template no longer has, such as a service account that is no longer allowed.
      change["template"] = JSON.mergePatch(from: known.json["spec"]?["template"] ?? [:], to: template)
    }
    let patch: JSON = [
      "metadata": [
        "resourceVersion": .string(known.resourceVersion), "labels": JSON(wanted.labels),
        "annotations": JSON(wanted.annotations),
      ],
      "spec": change,
    ]
    await cache.put(
      try await api.patch(.statefulSets, known.objectName, merge: patch), .statefulSets)
  }

  /// The new template with all labels by which the existing set selects its pods: the selector of an adopted set also
  /// names the app, and is immutable.
  private static func template(of wanted: Object, selectedBy known: Object) -> JSON? {
    guard var template = wanted.json["spec"]?["template"] else { return nil }
    for (key, value) in known.json["spec"]?["selector"]?["matchLabels"]?.object ?? [:] {
      template["metadata"]?["labels"]?[key] = value
    }
    return template
  }

  /// A merge patch keeps fields that it does not name, so an unwanted partition must be removed by name.
  private func strategyPatch(_ strategy: SetStrategy) -> JSON {
    var patch = strategy.json
    if strategy == .onDelete { patch["rollingUpdate"] = .null }
    return patch
  }

  private func emit(_ event: UpgradeEvent, _ context: Context) {
    var metadata: Logger.Metadata = ["cluster": "\(context.name)"]
    if let commit = context.status.specCommit { metadata["commit"] = "\(commit.prefix(7))" }
    metadata.merge(event.metadata) { _, new in new }
    logger.log(level: event.isWarning ? .warning : .info, "\(event.event)", metadata: metadata)
    eventRecorder?.announce(event.recordedEvent(about: context.reference, commit: context.status.specCommit))
  }
}

extension UpgradeEvent {
  var event: String {
    switch self {
    case .upgradeBegan: "upgrade.began"
    case .rollbackBegan: "rollback.began"
    case .podClaimed: "pod.claimed"
    case .podDone(_, _, let rollingBack, _): rollingBack ? "pod.reverted" : "pod.upgraded"
    case .podFailed: "pod.failed"
    case .stalled: "cluster.stalled"
    case .roleDone(_, let rollingBack): rollingBack ? "role.reverted" : "role.upgraded"
    case .upgradeEnded(_, let rolledBack, _): rolledBack ? "rollback.ended" : "upgrade.ended"
    case .configured: "cluster.configured"
    case .membersChanged: "members.changed"
    case .connectionsChanged: "connections.changed"
    case .retried: "pod.retried"
    case .retryIgnored: "retry.ignored"
    }
  }

  var metadata: Logger.Metadata {
    switch self {
    case .upgradeBegan(let from, let to), .rollbackBegan(let from, let to):
      ["from": "\(from)", "to": "\(to)"]
    case .podClaimed(let pod, let role, _): ["role": "\(role)", "pod": "\(pod)"]
    case .podDone(let pod, let role, _, let seconds):
      ["role": "\(role)", "pod": "\(pod)", "took": "\(seconds)s"]
    case .podFailed(let pod, let role, let reason):
      ["role": "\(role)", "pod": "\(pod)", "reason": "\(reason)"]
    case .stalled(let stall):
      ["reason": "\(stall.reason)", "message": "\(stall.message)"].merging(
        stall.pod.map { ["pod": "\($0)"] } ?? [:]
      ) {
        _, new in
        new
      }
    case .roleDone(let role, _): ["role": "\(role)"]
    case .upgradeEnded(let app, _, let seconds): ["app": "\(app)", "took": "\(seconds)s"]
    case .configured(let members): ["members": "\(members)"]
    case .membersChanged(let role, let from, let to): ["role": "\(role)", "from": "\(from)", "to": "\(to)"]
    case .connectionsChanged(let names, let missing):
      ["names": "\(names.joined(separator: " "))", "missing": "\(missing.joined(separator: " "))"]
    case .retried(let pod, let what): ["pod": "\(pod)", "what": "\(what)"]
    case .retryIgnored(let reason): ["reason": "\(reason)"]
    }
  }
}
