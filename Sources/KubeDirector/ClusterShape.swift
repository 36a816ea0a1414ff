import Values

/// Checks whether a running cluster and its objects have the shape that the engine creates.
///
/// Another operator for the same kinds, especially KubeDirector's own, names its objects and selects its pods
/// differently, and Kubernetes does not allow those fields to change later. Such a cluster must be left alone. Pure:
/// reads only the live objects.
public enum ClusterShape {
  /// The reasons why the engine cannot manage a cluster, the status first; empty if there are none.
  ///
  /// Only immutable fields of StatefulSets are compared, so that no edit of a StatefulSet of kdops stops the engine.
  ///
  /// - Parameters:
  ///   - cluster: The live object.
  ///   - sets: The StatefulSets that it owns.
  public static func mismatches(cluster: JSON, sets: some Sequence<JSON>) -> [ShapeMismatch] {
    let name = cluster["metadata"]?["name"]?.string ?? ""
    return mismatches(
      foreignFields: foreignFields(of: cluster["status"]),
      sets: sets.compactMap { mismatch(set: $0, of: name) })
  }

  /// The reasons why the engine cannot manage a cluster, from parts that were checked before.
  ///
  /// - Parameters:
  ///   - foreignFields: The result of `foreignFields(of:)` for the cluster's status.
  ///   - sets: The mismatches of its StatefulSets, in any order.
  public static func mismatches(foreignFields: [String], sets: [ShapeMismatch]) -> [ShapeMismatch] {
    (foreignFields.isEmpty ? [] : [.foreignStatus(fields: foreignFields)]) + sets.inOrder
  }

  /// The immutable field that shows that the engine cannot manage a StatefulSet; nil if there is none.
  ///
  /// - Parameter adopted: For an adopted cluster, what it keeps. Its StatefulSets may select their pods by further
  ///   labels.
  public static func mismatch(
    set: JSON, of cluster: String, adopted: AdoptedCluster? = nil
  ) -> ShapeMismatch? {
    let spec = set["spec"]
    let name = set["metadata"]?["name"]?.string ?? ""
    func differs(_ field: ShapeMismatch.SetField) -> ShapeMismatch { .set(name: name, field: field) }
    if spec?["serviceName"]?.string != DerivedNames.headlessService(cluster: cluster, adopted: adopted) {
      return differs(.serviceName)
    }
    let selector = spec?["selector"]
    let labels = selector?["matchLabels"]?.strings ?? [:]
    guard labels.count == 2 || adopted != nil, labels[Wire.Label.cluster] == cluster,
      labels[Wire.Label.role] != nil,
      selector?["matchExpressions"]?.array?.isEmpty != false
    else { return differs(.selector) }
    guard spec?["podManagementPolicy"]?.string == "Parallel" else { return differs(.podManagementPolicy) }
    let claims = spec?["volumeClaimTemplates"]?.array ?? []
    guard claims.count <= 1, claims.allSatisfy({ $0["metadata"]?["name"]?.string == claimTemplate }) else {
      return differs(.volumeClaimTemplates)
    }
    return nil
  }

  /// The fields of a status that only another operator writes.
  public static func foreignFields(of status: JSON?) -> [String] {
    KubeDirectorFields.all.filter { status?[$0] != nil }
  }

  /// Whether KubeDirector's operator created a cluster: its status or a StatefulSet shows that, or kdops has recorded
  /// it in the status.
  public static func isForeign(cluster: JSON, sets: [JSON]) -> Bool {
    let status = cluster["status"]
    let name = cluster["metadata"]?["name"]?.string ?? ""
    return !foreignFields(of: status).isEmpty || status?["adopted"].flatMap(AdoptedCluster.init) != nil
      || sets.contains { set in
        switch mismatch(set: set, of: name) {
        case .set(_, .serviceName), .set(_, .selector): true
        default: false
        }
      }
  }

  /// The name of the only claim template of a StatefulSet.
  public static let claimTemplate = "p"
}

/// Fields and finalizers that KubeDirector's operator writes and kdops does not.
private enum KubeDirectorFields {
  /// Fields of its status (`KubeDirectorClusterStatus`).
  static let all = ["clusterService", "generationUID", "specGenerationToProcess", "lastConnectionHash"]
  /// The prefix of its finalizers: the object exists until that operator, and no other, removes the finalizer.
  static let finalizerPrefix = "kubedirector.hpe.com/"
}

/// The reason why a cluster or one of its objects does not have the shape that the engine creates.
public enum ShapeMismatch: Sendable, Hashable {
  /// The status has fields that another operator writes.
  case foreignStatus(fields: [String])
  /// The status lacks fields that the engine always writes, or has values that it never writes.
  case status(fields: [String])
  /// The object has a finalizer that kdops does not remove.
  case finalizer(String)
  case set(name: String, field: SetField)
  case service(name: String)
  case claim(name: String)

  /// The part of a StatefulSet that differs.
  public enum SetField: String, Sendable, Hashable {
    case serviceName, selector, podManagementPolicy, volumeClaimTemplates
    /// Another object owns the StatefulSet.
    case owner = "ownerReferences"
    /// The status does not name the StatefulSet, or gives a role one with a name that kdops never generates.
    case name
    /// The annotation with the image that was written into the StatefulSet is missing.
    case image = "annotation kdops.dev/image"
    /// The StatefulSet has no container `app`.
    case container = "container app"
  }

  /// The reason for users, without a full stop.
  public var words: String {
    switch self {
    case .foreignStatus(let fields):
      "its status is written by another operator (\(fields.joined(separator: ", ")))"
    case .status(let fields): "its status is not one that kdops wrote (\(fields.joined(separator: ", ")))"
    case .finalizer(let name): "it has the finalizer \(name) of another operator"
    case .set(let name, let field): "StatefulSet \(name) was not made by kdops (\(field.rawValue))"
    case .service(let name): "Service \(name) was not made by kdops"
    case .claim(let name): "PersistentVolumeClaim \(name) was not made by kdops"
    }
  }
}

extension Collection<ShapeMismatch> {
  /// Sorted, so that the message does not depend on the order in which a server lists objects.
  fileprivate var inOrder: [ShapeMismatch] { sorted { $0.words < $1.words } }

  /// The first three mismatches for users, and the number of the others.
  public var words: String {
    let shown = prefix(3).map(\.words).joined(separator: "; ")
    return count > 3 ? "\(shown); and \(count - 3) more" : shown
  }
}

extension Condition {
  /// The message for a cluster that kdops does not manage because of its shape.
  public static func notUnderstood(_ mismatches: [ShapeMismatch]) -> String {
    "kdops does not manage this cluster: \(mismatches.words); only one operator may manage a cluster"
  }
}

// Checks before a cluster is adopted.
extension ClusterShape {
  /// The reasons why a running cluster cannot be adopted, the most important first; empty if there are none.
  ///
  /// Stricter than `mismatches(cluster:sets:)`: the engine can rebuild missing parts of its own cluster, but not of
  /// one that it has never managed.
  ///
  /// - Parameters:
  ///   - cluster: The live object, with its status.
  ///   - sets: The StatefulSets with the cluster's label, regardless of owner.
  ///   - services: The services with the label; those that the cluster does not own are ignored.
  ///   - claims: The volume claims with the label.
  public static func adoptionMismatches(
    cluster: JSON, sets: [JSON], services: [JSON] = [], claims: [JSON] = []
  ) -> [ShapeMismatch] {
    let name = cluster["metadata"]?["name"]?.string ?? ""
    let uid = cluster["metadata"]?["uid"]?.string ?? ""
    var found = mismatches(cluster: cluster, sets: [])
    found += (cluster["metadata"]?["finalizers"]?.array ?? []).compactMap(\.string)
      .filter { $0.hasPrefix(KubeDirectorFields.finalizerPrefix) }.map(ShapeMismatch.finalizer)
    let status = cluster["status"]
    let fields = statusProblems(status, cluster: name)
    if !fields.isEmpty { found.append(.status(fields: fields)) }
    let named = Set((status?["roles"]?.array ?? []).compactMap { $0["statefulSet"]?.string })
    found +=
      sets.compactMap { set in
        mismatch(set: set, of: name) ?? adoptionMismatch(set: set, owner: uid, named: named)
      }.inOrder
    let stems = named.union(sets.compactMap { $0["metadata"]?["name"]?.string })
    let headless = DerivedNames.headlessService(cluster: name)
    found += services.filter { isOwned($0, by: uid) }.compactMap { $0["metadata"]?["name"]?.string }
      .filter { $0 != headless && !isMember($0, of: stems) }.sorted().map(ShapeMismatch.service)
    found += claims.compactMap { mismatch(claim: $0, of: name, stems) }.inOrder
    return found
  }

  /// Status fields that the engine always writes and that are missing, and those with values that it never writes.
  private static func statusProblems(_ status: JSON?, cluster: String) -> [String] {
    guard let status, status.object?.isEmpty == false else { return [] }
    var problems: [String] = []
    if status["state"]?.string.flatMap(ClusterStatus.State.init) == nil { problems.append("state") }
    if status["app"]?.string?.isEmpty != false { problems.append("app") }
    for field in ["observedGeneration", "conditions"] where status[field] == nil { problems.append(field) }
    for (index, role) in (status["roles"]?.array ?? []).enumerated() {
      let id = role["id"]?.string ?? ""
      let set = role["statefulSet"]?.string ?? ""
      guard DerivedNames.statefulSets(cluster: cluster, role: id).contains(set) else {
        problems.append("roles[\(index)].statefulSet \"\(set)\"")
        continue
      }
      let stranger = (role["members"]?.array ?? []).firstIndex { !isMember($0, of: set) }
      if let stranger { problems.append("roles[\(index)].members[\(stranger)]") }
    }
    return problems
  }

  private static func isMember(_ member: JSON, of set: String) -> Bool {
    guard let pod = member["pod"]?.string, isMember(pod, of: [set]) else { return false }
    let claim = member["pvc"]?.string
    return (claim == nil || claim == "\(claimTemplate)-\(pod)")
      && member["state"]?.string.flatMap(MemberStatus.State.init) != nil
  }

  private static func isMember(_ pod: String, of sets: Set<String>) -> Bool {
    DerivedNames.stemOfPod(pod).map(sets.contains) ?? false
  }

  private static func isOwned(_ object: JSON, by uid: String) -> Bool {
    object["metadata"]?["ownerReferences"]?.array?.contains { $0["uid"]?.string == uid } ?? false
  }

  private static func adoptionMismatch(set: JSON, owner: String, named: Set<String>) -> ShapeMismatch? {
    let metadata = set["metadata"]
    let name = metadata?["name"]?.string ?? ""
    guard isOwned(set, by: owner) else { return .set(name: name, field: .owner) }
    guard named.isEmpty || named.contains(name) else { return .set(name: name, field: .name) }
    guard metadata?["annotations"]?[Wire.Annotation.image]?.string?.isEmpty == false else {
      return .set(name: name, field: .image)
    }
    let containers = set["spec"]?["template"]?["spec"]?["containers"]?.array ?? []
    return containers.contains { $0["name"]?.string == "app" } ? nil : .set(name: name, field: .container)
  }

  /// A claim is kept when its member or its role is removed; it is then identified by its role's label.
  private static func mismatch(claim: JSON, of cluster: String, _ stems: Set<String>) -> ShapeMismatch? {
    guard let name = claim["metadata"]?["name"]?.string, name.hasPrefix("\(claimTemplate)-"),
      let stem = DerivedNames.stemOfPod(String(name.dropFirst(claimTemplate.count + 1)))
    else { return .claim(name: claim["metadata"]?["name"]?.string ?? "") }
    if stems.contains(stem) { return nil }
    let role = claim["metadata"]?["labels"]?[Wire.Label.role]?.string
    let isOfRole = role.map { DerivedNames.statefulSets(cluster: cluster, role: $0).contains(stem) } ?? false
    return isOfRole ? nil : .claim(name: name)
  }
}
