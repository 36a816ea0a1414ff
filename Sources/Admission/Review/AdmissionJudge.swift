import Diagnostics
import KubeDirector
import Manifests
import Rules
import Values

/// Judges what somebody does by hand with the rules by which commits are judged. Pure: it asks nobody and knows no time.
public struct AdmissionJudge: Sendable {
  let policy: Policy
  private let exemption: Exemption

  /// - Parameters:
  ///   - ownName: The daemon's user name at the server, whose requests are not judged.
  ///   - stamp: Where the name is not known, what bears this stamp is the daemon's.
  public init(policy: Policy, ownName: String? = nil, stamp: Stamp? = nil) {
    self.policy = policy
    exemption = Exemption(ownName: ownName, stamp: stamp)
  }

  /// - Parameter living: What lives beside the object; nil while that is not known, and then everything is allowed:
  ///   nobody's work is stopped because a daemon is starting.
  public func answer(_ request: AdmissionRequest, among living: LivingObjects?) -> AdmissionAnswer {
    guard concerns(request) else { return .allowed() }
    let management = Management(of: request)
    if request.operation == .delete, request.kind == Wire.clusterKind {
      return .allowed(FindingWords.warnings([], after: Self.remarks(on: request, management)))
    }
    guard let living else {
      return .allowed(["not judged: kdops does not know yet which apps and clusters live here"])
    }
    let findings = Self.findings(on: request, among: living, policy: policy)
    if let denial = FindingWords.denial(findings, isManaged: management != nil) {
      return .denied(denial, FindingWords.warnings(findings))
    }
    return .allowed(FindingWords.warnings(findings, after: Self.remarks(on: request, management)))
  }

  /// What becomes of it, which no rule says.
  private static func remarks(on request: AdmissionRequest, _ management: Management?) -> [String] {
    if let management {
      return [request.operation == .delete ? management.recreationWarning : management.driftWarning]
    }
    // The engine acts on nothing without a stamp. One that is put back from a backup brings its own along.
    if request.operation == .create, request.kind == Wire.clusterKind, let object = request.object,
      object["metadata"]?["annotations"]?[Wire.Annotation.stamp] == nil
    {
      return ["not from git: kdops starts no members for it; add its file to the repository instead"]
    }
    return []
  }

  /// Whether a request changes the meaning of an object that this installation answers for.
  func concerns(_ request: AdmissionRequest) -> Bool {
    guard !exemption.covers(request), request.group == Wire.group, request.subresource.isEmpty,
      ManifestKind(rawValue: request.kind) != nil, isOurs(request)
    else { return false }
    switch request.operation {
    case .create, .delete: return true
    case .connect: return false
    case .update:
      // Of an object that goes only its finalizers are still of interest.
      return request.object?["metadata"]?["deletionTimestamp"] == nil
        && request.object?["spec"] != request.oldObject?["spec"]
    }
  }

  /// The catalog's apps are made by hand, in the one namespace where git has no say.
  private func isOurs(_ request: AdmissionRequest) -> Bool {
    policy.allows(namespace: request.namespace) || isOfCatalog(request, policy)
  }
}

private func isOfCatalog(_ request: AdmissionRequest, _ policy: Policy) -> Bool {
  request.kind == Wire.appKind && request.namespace == policy.systemNamespace
}

extension AdmissionJudge {
  /// What the rules say of what lives, with the request carried out.
  private static func findings(
    on request: AdmissionRequest, among living: LivingObjects, policy: Policy
  ) -> [Diagnostic] {
    let reference = request.reference
    var before = living
    // The server's own word on the object is newer than what was watched.
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
    // The same spec in other words is no change, whatever ails an object that is there already.
    if request.operation == .update, change == ChangeKind.none || change == .metadata { return [] }
    let findings = judgement.findings(of: reference)
    // Git may not touch the catalog; whoever may write there by hand is the server's affair.
    return isOfCatalog(request, policy) ? findings.filter { $0.rule != "cluster/tenancy" } : findings
  }

  /// The part of an object that a person writes. Servers add to the rest.
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
