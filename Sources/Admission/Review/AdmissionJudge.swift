import Diagnostics
import KubeDirector
import Manifests
import Rules
import Values

/// Checks manual changes with the rules for commits. Pure: uses no I/O and no clock.
public struct AdmissionJudge: Sendable {
  let policy: Policy
  private let exemption: Exemption
  /// Whether a daemon applies the objects of a repository, and reverts other changes.
  private let isFollowingGit: Bool

  /// - Parameters:
  ///   - ownName: the daemon's user name at the server, whose requests are always allowed.
  ///   - stamp: identifies the daemon's objects if the user name is unknown.
  ///   - isFollowingGit: false on a cluster without a repository, where all objects are applied manually.
  public init(policy: Policy, ownName: String? = nil, stamp: Stamp? = nil, isFollowingGit: Bool = true) {
    self.policy = policy
    self.isFollowingGit = isFollowingGit
    exemption = Exemption(ownName: ownName, stamp: stamp)
  }

  /// - Parameter live: the live objects; nil while they are unknown, and then everything is allowed, so that
  ///   a starting daemon blocks no user.
  public func answer(_ request: AdmissionRequest, among live: LiveSnapshot?) -> AdmissionAnswer {
    guard concerns(request) else { return .allowed() }
    let management = isFollowingGit ? Management(of: request) : nil
    if request.operation == .delete, request.kind == Wire.clusterKind {
      return .allowed(FindingWords.warnings([], after: remarks(on: request, management)))
    }
    guard let live else {
      return .allowed(["not judged: kdops does not know yet which apps and clusters live here"])
    }
    let findings = Self.findings(on: request, among: live, policy: policy)
    if let denial = FindingWords.denial(findings, isManaged: management != nil) {
      return .denied(denial, FindingWords.warnings(findings))
    }
    return .allowed(FindingWords.warnings(findings, after: remarks(on: request, management)))
  }

  /// Warnings about the consequences of a request, which are not part of a rule.
  private func remarks(on request: AdmissionRequest, _ management: Management?) -> [String] {
    guard isFollowingGit else { return [] }
    if let management {
      return [request.operation == .delete ? management.recreationWarning : management.driftWarning]
    }
    // The engine acts on no cluster without a stamp. A cluster restored from a backup has its stamp.
    if request.operation == .create, request.kind == Wire.clusterKind, let object = request.object,
      object["metadata"]?["annotations"]?[Wire.Annotation.stamp] == nil
    {
      return ["not from git: kdops starts no members for it; add its file to the repository instead"]
    }
    return []
  }

  /// Whether a request changes the desired state of an object that this installation manages.
  func concerns(_ request: AdmissionRequest) -> Bool {
    guard !exemption.covers(request), request.group == Wire.group, request.subresource.isEmpty,
      ManifestKind(rawValue: request.kind) != nil, isInScope(request)
    else { return false }
    switch request.operation {
    case .create, .delete: return true
    case .connect: return false
    case .update:
      // Of an object that is being deleted only the finalizers can still matter.
      return request.object?["metadata"]?["deletionTimestamp"] == nil
        && request.object?["spec"] != request.oldObject?["spec"]
    }
  }

  /// Whether the request concerns an object that the daemon judges: an object in a namespace that it manages, or an app
  /// of the system catalog. Those apps are created manually, in a namespace that is not managed from git.
  private func isInScope(_ request: AdmissionRequest) -> Bool {
    policy.allows(namespace: request.namespace) || isOfCatalog(request, policy)
  }
}

private func isOfCatalog(_ request: AdmissionRequest, _ policy: Policy) -> Bool {
  request.kind == Wire.appKind && request.namespace == policy.systemNamespace
}

extension AdmissionJudge {
  /// Returns the rules' findings on the live state after the request.
  private static func findings(
    on request: AdmissionRequest, among live: LiveSnapshot, policy: Policy
  ) -> [Diagnostic] {
    let reference = request.reference
    var before = live
    // The server's version of the object is newer than the watched one.
    if request.operation == .create { before.remove(reference) }
    if let old = request.oldObject { before.put(old) }
    var head = before.snapshot
    head.remove(reference)
    if request.operation != .delete, let object = request.object,
      let kind = ManifestKind(rawValue: request.kind)
    {
      let document = ManifestDocument(
        json: written(object), kind: kind, namespace: request.namespace, name: request.name)
      head.update(ManifestFile(path: "", documents: [document]))
    }
    let judgement = Judge.judge(
      JudgeRequest(
        base: before.snapshot, head: head, changed: Changes(objects: [reference]), live: before.view,
        policy: policy))
    let change = judgement.verdict(of: reference)?.change
    // A spec with the same meaning is not a change, even if the existing object violates rules.
    if request.operation == .update, change == ChangeKind.none || change == .metadata { return [] }
    let findings = judgement.findings(of: reference)
    // Git must not change the catalog; for manual changes the server's permissions decide.
    return isOfCatalog(request, policy) ? findings.filter { $0.rule != "cluster/tenancy" } : findings
  }

  /// The part of an object that users write; servers add the rest.
  private static func written(_ object: JSON) -> JSON {
    var metadata: JSON = [:]
    for key in ["name", "namespace", "labels", "annotations"] {
      metadata[key] = object["metadata"]?[key]
    }
    var written: JSON = ["metadata": metadata]
    for key in ["apiVersion", "kind", "spec"] { written[key] = object[key] }
    return written
  }
}
