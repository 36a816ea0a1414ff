import ClusterAPI
import Diagnostics
import KubeDirector
import Rules

/// Rejects changes of objects that belong to another owner, and adoptions of clusters that the engine cannot manage.
struct OwnershipGuard {
  /// The relation of a live object to this installation and to git.
  struct Ownership {
    /// The installation on the object's label; nil if it has none.
    var owner: String?
    /// Whether git has the object.
    var isInGit: Bool
    /// Whether the cluster refuses to correct the object's drift; it belongs to this installation then.
    var isDriftRefused: Bool
    /// Whether git asks to adopt the object.
    var asksForAdoption: Bool
    var path: String?
    /// Whether another operator has managed a cluster of this installation, as its status or finalizer shows.
    var isTakenOver = false

    /// Whether this change adopts an object without an owner, or adopts a cluster again.
    var isAdopted: Bool { asksForAdoption && (isTakenOver || owner == nil && !isDriftRefused) }
  }

  /// The reason why a running cluster cannot be adopted now.
  enum AdoptionObstacle {
    /// The cluster has a shape that kdops does not create.
    case shape([ShapeMismatch])
    /// Objects of KubeDirector's operator cannot be adopted as they are; the problems for users.
    case foreignObjects([String])
    /// The cluster's objects could not be read.
    case unread(APIError)
  }

  let installation: String

  /// Whether a live object belongs to another owner, and git does not ask to adopt it.
  func isForeign(_ ownership: Ownership) -> Bool {
    guard ownership.isInGit, ownership.owner != installation, !ownership.isAdopted else { return false }
    return ownership.owner != nil || !ownership.isDriftRefused
  }

  /// Changes the verdict on a change of an object that exists.
  ///
  /// - Parameter obstacle: what keeps the cluster from being adopted; nil if nothing does, or if it is not adopted.
  func apply(
    to change: inout JudgedChange, _ ownership: Ownership, obstacle: AdoptionObstacle?
  ) {
    let location = ownership.path.map { SourceLocation(file: $0) }
    if isForeign(ownership) {
      change.verdict = .rejected
      change.findings.append(Self.foreign(change.reference, owner: ownership.owner, location))
    } else if let obstacle {
      Self.apply(obstacle, to: &change, location)
    } else if change.verdict == .waiting, ownership.isAdopted, change.isCluster {
      change.verdict = .rejected
      change.findings.insert(Self.unsettled(change.reference, location), at: 0)
    }
  }

  private static func foreign(
    _ reference: ObjectReference, owner: String?, _ location: SourceLocation?
  ) -> Diagnostic {
    Diagnostic(
      rule: ObjectOwner.id, severity: .error, location: location, object: reference,
      message: owner.map { "\(reference) belongs to the installation \($0)" }
        ?? "\(reference) is there already, and no installation owns it",
      hint: owner == nil
        ? "add the annotation \(Wire.Annotation.adopt): \"true\" to adopt it"
        : "remove it from one of the two repositories")
  }

  /// The finding for a commit that adopts a cluster and changes it, while the cluster is not in a final state. The
  /// change would wait forever, because no installation brings the cluster to a final state.
  private static func unsettled(_ reference: ObjectReference, _ location: SourceLocation?) -> Diagnostic {
    Diagnostic(
      rule: ObjectOwner.id, severity: .error, location: location, object: reference,
      message:
        "\(reference) cannot be adopted and changed at once: it is not in a final state, and no installation owns it",
      hint: "write the live state into its file, so that it is adopted unchanged; change it by a later commit"
    )
  }

  private static func reject(
    _ change: inout JudgedChange, _ location: SourceLocation?, _ problems: String
  ) {
    change.verdict = .rejected
    let finding = Diagnostic(
      rule: ClusterAdoptionShape.id, severity: .error, location: location, object: change.reference,
      message: "\(change.reference) cannot be adopted: \(problems)",
      hint: "nothing of it was changed; repair it with the operator that created it, or remove its file; "
        + "it is judged again within ten minutes")
    change.findings.insert(finding, at: 0)
  }

  /// Rejects an adoption for a shape mismatch; lets it wait if the objects could not be read.
  private static func apply(
    _ obstacle: AdoptionObstacle, to change: inout JudgedChange, _ location: SourceLocation?
  ) {
    let reference = change.reference
    switch obstacle {
    case .shape(let mismatches): reject(&change, location, mismatches.words)
    case .foreignObjects(let problems):
      let more = problems.count > 3 ? "; and \(problems.count - 3) more" : ""
      reject(&change, location, problems.prefix(3).joined(separator: "; ") + more)
    case .unread(let error):
      change.verdict = .waiting
      change.findings = [
        Diagnostic(
          rule: ApplyFailure.rule(error), severity: .waiting, location: location,
          object: reference,
          message: "\(reference) is not adopted before its objects were read: \(error.message)",
          hint: error.kind == .forbidden
            ? "grant the daemon what the message names; for persistentvolumeclaims, which `kdops install --export` "
              + "grants only with `prune: true`, create a Role with list and patch, and a RoleBinding; it is retried "
              + "automatically"
            : "it is retried automatically")
      ]
    }
  }
}
