/// The reason why an object of KubeDirector's operator cannot be adopted as it is.
public enum AdoptionProblem: Sendable, Hashable {
  // The cluster.
  /// KubeDirector's operator has not finished with the cluster. `state` is the state in the status; empty without a
  /// status.
  case unsettled(state: String)
  case upgradeRunning
  case beingDeleted
  /// A finalizer of that operator other than the one for the deletion of a cluster.
  case finalizer(String)
  /// A role of the spec without a StatefulSet, although it has members.
  case roleWithoutSet(String)
  /// The status names a StatefulSet that does not exist.
  case missingSet(String)
  /// The spec requests another number of members than the role has.
  case size(role: String, requested: Int, found: Int)
  case memberState(pod: String, state: String)
  case memberName(pod: String, statefulSet: String)
  /// The members of a role are not the pods 0, 1, 2 … of its StatefulSet.
  case ordinals(role: String, [Int])
  /// Its operator has not sent all notifications to the member.
  case pendingNotifications(pod: String)
  /// KubeDirector's operator has not sent all notifications to the member.
  case outdatedMetadata(pod: String)

  // A StatefulSet.
  case owner
  /// No role of the status has this StatefulSet.
  case notInStatus
  /// The StatefulSet's headless service does not exist, or another owner has it.
  case headlessService(String)
  /// The StatefulSet has another headless service than the first one.
  case otherHeadlessService(String)
  /// The headless service of the StatefulSet does not select its pods, or cannot select the pods of other roles.
  case headlessSelector(String)
  case selector
  case podManagementPolicy(String)
  case volumeClaimTemplates([String])
  case container
  case replicas(requested: Int, members: Int)
  case rolloutRunning

  // A volume claim.
  case missingClaim

  /// The reason and the remedy for users, without the object's name and without a full stop.
  public var words: String {
    switch self {
    case .unsettled(let state):
      "its state is \(state.isEmpty ? "unknown" : "`\(state)`"), not `configured`; "
        + "let its operator finish before you stop it"
    case .upgradeRunning: "an upgrade is running; let its operator finish or roll it back before you stop it"
    case .beingDeleted: "it is being deleted"
    case .finalizer(let name): "kdops does not know the finalizer \(name); remove it"
    case .roleWithoutSet(let role): "role \(role) has no StatefulSet; let its operator create it"
    case .missingSet(let name): "its StatefulSet \(name) does not exist; let its operator create it again"
    case .size(let role, let requested, let found):
      "role \(role) has \(found) members and requests \(requested); let its operator finish"
    case .memberState(let pod, let state): "member \(pod) is `\(state)`, not `configured`; repair it first"
    case .memberName(let pod, let set): "member \(pod) is not a pod of StatefulSet \(set)"
    case .ordinals(let role, let found):
      "role \(role) has the members \(found.map(String.init).joined(separator: ", ")), not 0 to \(found.count - 1); "
        + "let its operator finish"
    case .pendingNotifications(let pod):
      "member \(pod) was not notified of all changes of members; let its operator finish before you stop it"
    case .outdatedMetadata(let pod):
      "member \(pod) has an outdated configmeta.json; let its operator finish before you stop it"
    case .owner: "the cluster does not own it; restore its ownerReferences"
    case .notInStatus: "the cluster's status does not name it; remove it if it is a leftover"
    case .headlessService(""): "it has no serviceName"
    case .headlessService(let name):
      "its service \(name) does not exist or has another owner; restore the service"
    case .otherHeadlessService(let name): "its service \(name) is not the one of the cluster's other roles"
    case .headlessSelector(let name):
      "its service \(name) does not select its pods, or only those of one role; restore the service's selector"
    case .selector: "its selector has no labels for the cluster and the role, or has expressions"
    case .podManagementPolicy(let policy): "its podManagementPolicy is \(policy), not Parallel"
    case .volumeClaimTemplates(let names):
      "it has volume claim templates that kdops does not manage: \(names.joined(separator: ", "))"
    case .container: "its template has no container `app` with an image"
    case .replicas(let requested, let members):
      "it requests \(requested) replicas, and the status has \(members) members; let its operator finish"
    case .rolloutRunning: "its pods have two revisions; wait until all pods have the same one"
    case .missingClaim: "the status names it, but it does not exist"
    }
  }
}
