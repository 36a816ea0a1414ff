import Values

/// The live objects of one cluster that KubeDirector's operator manages.
public struct ForeignObjects: Sendable {
  /// The cluster with its status.
  public var cluster: JSON
  /// Objects with the cluster's label, regardless of owner.
  public var sets: [JSON]
  public var services: [JSON]
  /// Nil if they may not be read.
  public var claims: [JSON]?

  public init(cluster: JSON, sets: [JSON] = [], services: [JSON] = [], claims: [JSON]? = []) {
    self.cluster = cluster
    self.sets = sets
    self.services = services
    self.claims = claims
  }
}

/// Decides for each object of a cluster of KubeDirector's operator whether it can be adopted as it is, so that no pod
/// restarts. Pure: reads only the live objects.
///
/// Shapes of the original (`v0.11` and the branch `live-app-upgrade`): StatefulSets have generated names (`kdss-…`, or
/// the cluster's and the role's name with a suffix) and a headless service with a generated name (`kdhs-…`). Their
/// selectors also name the app. Each of these fields is immutable, so the live value is kept.
///
/// The decision about an adopted cluster is the same again, so that an interrupted adoption is continued.
public struct ForeignAdoption: Sendable, Hashable {
  public struct Entry: Sendable, Hashable {
    public enum Decision: Sendable, Hashable {
      /// The object is kept unchanged.
      case keep
      /// Only metadata is written: these annotations are added, these finalizers are removed.
      case write(annotations: [String: String], finalizers: [String])
      /// Only metadata is written: the cluster is removed from the owners, so that the object outlives the cluster.
      case release
      case reject(AdoptionProblem)
    }

    public var kind: String
    public var name: String
    public var decision: Decision

    public init(_ kind: String, _ name: String, _ decision: Decision) {
      self.kind = kind
      self.name = name
      self.decision = decision
    }

    /// The object and what adoption does with it, for users.
    public var words: String {
      switch decision {
      case .keep: "\(kind) \(name) stays as it is"
      case .write(let annotations, let finalizers):
        "\(kind) \(name) \(Self.words(annotations, finalizers))"
      case .release: "\(kind) \(name) is no longer owned by the cluster, so that it outlives it"
      case .reject(let problem): "\(kind) \(name) cannot be adopted: \(problem.words)"
      }
    }

    private static func words(_ annotations: [String: String], _ finalizers: [String]) -> String {
      var parts = annotations.keys.sorted().map { "gets the annotation \($0)" }
      parts += finalizers.map { "loses the finalizer \($0)" }
      return parts.joined(separator: " and ")
    }
  }

  /// The cluster, then StatefulSets, services and claims, each sorted by name. A rejected object has an entry for each
  /// problem.
  public let entries: [Entry]
  /// The headless service of all members; nil if there are no StatefulSets.
  public let headlessService: String?
  /// The status that kdops continues from; nil if an object is rejected.
  public let status: ClusterStatus?

  public init(_ objects: ForeignObjects) {
    var reader = ForeignReader(objects)
    reader.read()
    entries = reader.entries
    headlessService = reader.headless
    let isRejected = entries.contains { if case .reject = $0.decision { true } else { false } }
    status = isRejected ? nil : reader.status
  }

  /// The problems for users, one for each rejected object and reason.
  public var problems: [String] {
    entries.compactMap { entry in
      guard case .reject(let problem) = entry.decision else { return nil }
      return "\(entry.kind) \(entry.name): \(problem.words)"
    }
  }

  /// Whether a StatefulSet has a claim template or the status names a claim. The claims then have the cluster as an
  /// owner, and are deleted with it unless that is changed.
  public static func hasVolumes(cluster: JSON, sets: [JSON]) -> Bool {
    sets.contains { $0["spec"]?["volumeClaimTemplates"]?.array?.isEmpty == false }
      || (cluster["status"]?["roles"]?.array ?? []).contains { role in
        (role["members"]?.array ?? []).contains { member in
          member["pvc"]?.string.map { !$0.isEmpty && $0 != "n/a" } ?? false
        }
      }
  }

  /// The status of a cluster that is not adopted yet, as it will be after its adoption; nil if another operator does
  /// not manage it. So clusters that are connected to it get the same `configmeta.json` before and after.
  ///
  /// Its state is `updating` while the other operator has work to do.
  public static func statusBeforeAdoption(of cluster: JSON) -> ClusterStatus? {
    let live = cluster["status"]
    guard !ClusterShape.foreignFields(of: live).isEmpty else { return nil }
    var status = ForeignReader(ForeignObjects(cluster: cluster)).status
    if let service = live?["clusterService"]?.string, !service.isEmpty {
      status.adopted?.headlessService = service
    }
    if live?["state"]?.string != ClusterStatus.State.configured.rawValue { status.state = .updating }
    return status
  }

  /// Whether KubeDirector's operator has written the status or the finalizers of a cluster. After the adoption of the
  /// cluster, that shows that this operator has run again, or that the adoption was interrupted.
  public static func isTakenOver(_ cluster: JSON) -> Bool {
    !ClusterShape.foreignFields(of: cluster["status"]).isEmpty
      || (cluster["metadata"]?["finalizers"]?.array ?? []).contains { $0.string == cleanupFinalizer }
  }

  /// The finalizer with which KubeDirector's operator cleans up after a deleted cluster. Its only effect there is on
  /// that operator's own memory, so it is removed.
  public static let cleanupFinalizer = "kubedirector.hpe.com/cleanup"
}

/// Reads the objects in the order of the entries.
private struct ForeignReader {
  private let objects: ForeignObjects
  private let uid: String
  private let clusterName: String
  private let roles: [RoleStatus]
  private(set) var entries: [ForeignAdoption.Entry] = []
  private(set) var headless: String?

  init(_ objects: ForeignObjects) {
    self.objects = objects
    uid = objects.cluster["metadata"]?["uid"]?.string ?? ""
    clusterName = Self.name(objects.cluster)
    // A role without members may have no StatefulSet yet.
    roles = (objects.cluster["status"]?["roles"]?.array ?? []).compactMap(RoleStatus.init).map { role in
      // That operator appends members in the order in which it creates them.
      var role = role
      role.members.sort { Self.ordinal($0) ?? .max < Self.ordinal($1) ?? .max }
      return role
    }
  }

  mutating func read() {
    readCluster()
    for set in objects.sets.sorted(by: Self.byName) { read(set: set) }
    readServices()
    readClaims()
  }

  /// The status in the form of kdops. Fields that only the other operator needs are left out.
  var status: ClusterStatus {
    let live = objects.cluster["status"]
    if ClusterShape.foreignFields(of: live).isEmpty, let known = ClusterStatus(live), known.adopted != nil {
      return known
    }
    let app = objects.cluster["spec"]?["app"]?.string ?? ""
    let kept = roles.filter { !$0.statefulSet.isEmpty }.map { role in
      RoleStatus(
        id: role.id, statefulSet: role.statefulSet,
        members: role.members.map { member in
          MemberStatus(
            pod: member.pod, nodeID: member.nodeID, service: Self.named(member.service),
            volumeClaim: Self.named(member.volumeClaim), state: .configured, app: app,
            detail: MemberStatus.Detail(lastConfiguredContainer: member.detail.lastConfiguredContainer))
        })
    }
    let highest = kept.flatMap(\.members).map(\.nodeID).max() ?? 0
    return ClusterStatus(
      state: .configured, app: app,
      appCatalog: objects.cluster["spec"]?["appCatalog"]?.string.flatMap(AppCatalog.init),
      observedGeneration: objects.cluster["metadata"]?["generation"]?.count() ?? 0,
      lastNodeID: max(live?["lastNodeID"]?.count() ?? 0, highest), roles: kept,
      adopted: AdoptedCluster(
        headlessService: headless ?? DerivedNames.headlessService(cluster: clusterName),
        headlessSelector: headlessSelector, app: app))
  }

  /// Empty if there is no headless service yet: kdops then creates it with its own selector.
  private var headlessSelector: [String: String] {
    headless.map { Self.selector(ofService: $0, in: objects.services) } ?? [:]
  }

  private static func selector(ofService name: String, in services: [JSON]) -> [String: String] {
    services.first { self.name($0) == name }?["spec"]?["selector"]?.strings ?? [:]
  }

  /// Nil for the values with which that operator says that a member has no such object.
  private static func named(_ name: String?) -> String? {
    name.flatMap { $0.isEmpty || $0 == "n/a" ? nil : $0 }
  }

  // MARK: - Cluster

  private mutating func readCluster() {
    let status = objects.cluster["status"]
    var problems: [AdoptionProblem] = []
    let isBeingDeleted = objects.cluster["metadata"]?["deletionTimestamp"]?.string != nil
    if isBeingDeleted { problems.append(.beingDeleted) }
    let state = status?["state"]?.string ?? ""
    if state != ClusterStatus.State.configured.rawValue { problems.append(.unsettled(state: state)) }
    // The released operator has no such field; the other one writes null after an upgrade.
    if let info = status?["upgradeInfo"], !info.isNull { problems.append(.upgradeRunning) }
    let finalizers = (objects.cluster["metadata"]?["finalizers"]?.array ?? []).compactMap(\.string)
      .filter { $0.hasPrefix("\(Wire.group)/") }
    problems += finalizers.filter { $0 != ForeignAdoption.cleanupFinalizer }.map(AdoptionProblem.finalizer)
    problems += sizeProblems + missingSets + roles.flatMap { memberProblems($0) } + unfinishedWork
    if problems.isEmpty {
      let decision: ForeignAdoption.Entry.Decision =
        finalizers.isEmpty ? .keep : .write(annotations: [:], finalizers: finalizers)
      entries.append(ForeignAdoption.Entry(Wire.clusterKind, clusterName, decision))
    }
    reject(Wire.clusterKind, clusterName, problems)
  }

  /// The roles of the spec that do not have the requested members.
  private var sizeProblems: [AdoptionProblem] {
    (objects.cluster["spec"]?["roles"]?.array ?? []).compactMap { spec in
      let id = spec["id"]?.string ?? ""
      let role = roles.first { $0.id == id }
      let found = role?.members.count ?? 0
      if let requested = spec["members"]?.count(), requested != found {
        return .size(role: id, requested: requested, found: found)
      }
      return found > 0 && role?.statefulSet.isEmpty != false ? .roleWithoutSet(id) : nil
    }
  }

  private var missingSets: [AdoptionProblem] {
    let found = Set(objects.sets.map(Self.name))
    return roles.map(\.statefulSet).filter { !$0.isEmpty && !found.contains($0) }
      .map(AdoptionProblem.missingSet)
  }

  private func memberProblems(_ role: RoleStatus) -> [AdoptionProblem] {
    let problems = role.members.compactMap { member -> AdoptionProblem? in
      guard DerivedNames.podParts(member.pod)?.statefulSet == role.statefulSet else {
        return .memberName(pod: member.pod, statefulSet: role.statefulSet)
      }
      return member.state == .configured ? nil : .memberState(pod: member.pod, state: member.state.rawValue)
    }
    // The engine takes the index of a member for its ordinal.
    let ordinals = role.members.compactMap(Self.ordinal)
    guard ordinals.count == role.members.count, ordinals != Array(0..<ordinals.count) else { return problems }
    return problems + [.ordinals(role: role.id, ordinals)]
  }

  private static func ordinal(_ member: MemberStatus) -> Int? { DerivedNames.podParts(member.pod)?.ordinal }

  /// The tasks in members that the other operator has not finished, according to the status. The state is `configured`
  /// also while notifications are pending, and only the status of each member records those.
  private var unfinishedWork: [AdoptionProblem] {
    let status = objects.cluster["status"]
    guard !ClusterShape.foreignFields(of: status).isEmpty else { return [] }
    let generation = status?["specGenerationToProcess"]?.integer
    let members = (status?["roles"]?.array ?? []).flatMap { $0["members"]?.array ?? [] }
    return members.flatMap { member -> [AdoptionProblem] in
      let pod = member["pod"]?.string ?? ""
      let detail = member["stateDetail"]
      var problems: [AdoptionProblem] = []
      if detail?["pendingNotifyCmds"]?.array?.isEmpty == false {
        problems.append(.pendingNotifications(pod: pod))
      }
      // Null or missing for roles without a package.
      if let generation, let seen = detail?["lastConfigDataGeneration"]?.integer, seen != generation {
        problems.append(.outdatedMetadata(pod: pod))
      }
      return problems
    }
  }

  // MARK: - StatefulSets

  private mutating func read(set: JSON) {
    let name = Self.name(set)
    let problems = setProblems(set, name)
    guard problems.isEmpty else { return reject("StatefulSet", name, problems) }
    // Without the annotation, the engine would write a new template, and every pod would restart.
    let live = Self.container(set)?["image"]?.string ?? ""
    let known = set["metadata"]?["annotations"]?[Wire.Annotation.image]?.string ?? ""
    let image = known.isEmpty ? live : known
    entries.append(
      ForeignAdoption.Entry(
        "StatefulSet", name, .write(annotations: [Wire.Annotation.image: image], finalizers: [])))
  }

  private mutating func setProblems(_ set: JSON, _ name: String) -> [AdoptionProblem] {
    guard isOwned(set) else { return [.owner] }
    guard let role = roles.first(where: { $0.statefulSet == name }) else { return [.notInStatus] }
    let spec = set["spec"]
    var problems: [AdoptionProblem] = []
    let service = spec?["serviceName"]?.string ?? ""
    if !objects.services.contains(where: { Self.name($0) == service && isOwned($0) }) {
      problems.append(.headlessService(service))
    } else if let headless, headless != service {
      problems.append(.otherHeadlessService(service))
    } else {
      headless = service
      problems += headlessProblems(service, set)
    }
    let labels = spec?["selector"]?["matchLabels"]?.strings ?? [:]
    if labels[Wire.Label.cluster] != clusterName || labels[Wire.Label.role] != role.id
      || spec?["selector"]?["matchExpressions"]?.array?.isEmpty == false
    {
      problems.append(.selector)
    }
    let policy = spec?["podManagementPolicy"]?.string ?? "OrderedReady"
    if policy != "Parallel" { problems.append(.podManagementPolicy(policy)) }
    let templates = (spec?["volumeClaimTemplates"]?.array ?? []).map(Self.name)
    let others = templates.filter { $0 != ClusterShape.claimTemplate }
    if !others.isEmpty { problems.append(.volumeClaimTemplates(others)) }
    if Self.container(set)?["image"]?.string?.isEmpty != false { problems.append(.container) }
    let replicas = spec?["replicas"]?.count() ?? 1
    if replicas != role.members.count {
      problems.append(.replicas(requested: replicas, members: role.members.count))
    }
    // With `OnDelete`, the current revision stays behind although all pods have the new one.
    let current = set["status"]?["currentRevision"]?.string
    if let update = set["status"]?["updateRevision"]?.string, let current, update != current,
      set["status"]?["updatedReplicas"]?.count() != replicas
    {
      problems.append(.rolloutRunning)
    }
    return problems
  }

  /// The pods of every role need the labels that the service selects, so it may not select a single role or pod.
  private func headlessProblems(_ service: String, _ set: JSON) -> [AdoptionProblem] {
    let selector = Self.selector(ofService: service, in: objects.services)
    let labels = set["spec"]?["template"]?["metadata"]?["labels"]?.strings ?? [:]
    let isShared = selector[Wire.Label.role] == nil && selector[Self.podNameLabel] == nil
    return isShared && selector.allSatisfy { labels[$0.key] == $0.value } ? [] : [.headlessSelector(service)]
  }

  /// Kubernetes sets this label on each pod of a StatefulSet.
  private static let podNameLabel = "statefulset.kubernetes.io/pod-name"

  private static func container(_ set: JSON) -> JSON? {
    set["spec"]?["template"]?["spec"]?["containers"]?.array?.first { $0["name"]?.string == "app" }
  }

  // MARK: - Services and claims

  /// Services of another owner are not part of the cluster, and services that the status does not name stay unchanged.
  private mutating func readServices() {
    for service in objects.services.sorted(by: Self.byName) where isOwned(service) {
      entries.append(ForeignAdoption.Entry("Service", Self.name(service), .keep))
    }
  }

  /// Claims that the status does not name belong to members that were removed; they are kept.
  private mutating func readClaims() {
    guard let claims = objects.claims else { return }
    let found = Set(claims.map(Self.name))
    let owned = Set(claims.filter { isOwned($0) }.map(Self.name))
    let named = Set(roles.flatMap(\.members).compactMap { Self.named($0.volumeClaim) })
    for name in found.union(named).sorted() {
      let decision: ForeignAdoption.Entry.Decision =
        if !found.contains(name) {
          .reject(.missingClaim)
        } else {
          owned.contains(name) ? .release : .keep
        }
      entries.append(ForeignAdoption.Entry("PersistentVolumeClaim", name, decision))
    }
  }

  // MARK: -

  private mutating func reject(_ kind: String, _ name: String, _ problems: [AdoptionProblem]) {
    entries += problems.map { ForeignAdoption.Entry(kind, name, .reject($0)) }
  }

  private func isOwned(_ object: JSON) -> Bool {
    object["metadata"]?["ownerReferences"]?.array?.contains { $0["uid"]?.string == uid } ?? false
  }

  private static func name(_ object: JSON) -> String { object["metadata"]?["name"]?.string ?? "" }
  private static func byName(_ left: JSON, _ right: JSON) -> Bool { name(left) < name(right) }
}
