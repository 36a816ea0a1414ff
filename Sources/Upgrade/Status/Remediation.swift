import KubeDirector

// The remedy of a stall, and its text, which follows the message about the pod.
extension ClusterMachine {
  /// Adds the remedy to a stall that was found in a pod.
  func withRemedy(_ stall: Stall) -> Stall {
    var stall = stall
    let failed = stall.reason == .configError ? status.members.first { $0.pod == stall.pod } : nil
    stall.remedy = remedy(failed)
    if let info = status.upgradeInfo, !info.isRollingBack, let reason = reasonNotToReturn {
      stall.cause += "; \(reason)"
    }
    stall.advice = advice(stall.remedy, failed)
    return stall
  }

  /// The action that ends the stall.
  ///
  /// - Parameter failed: the member whose task failed; nil if the stall has another reason.
  private func remedy(_ failed: MemberStatus?) -> Stall.Remedy {
    guard let info = status.upgradeInfo else { return failed == nil ? .none : .retry }
    if info.isRollingBack || reasonNotToReturn != nil { return failed == nil ? .wait : .retry }
    if let failed, !isUndoneByRollback(failed) { return .retry }
    // The commit that began the upgrade: a later one may have changed only the object's labels.
    let commit = info.id.prefix { $0 != "-" }.prefix(7)
    return .revert(commit: commit.isEmpty ? nil : String(commit))
  }

  private func advice(_ remedy: Stall.Remedy, _ failed: MemberStatus?) -> String {
    let info = status.upgradeInfo
    switch remedy {
    case .none: return ""
    case .wait:
      return Stall.Opening.fix
        + (info?.isRollingBack == true ? ", and the rollback continues automatically" : "")
    case .retry:
      let cluster = observed.cluster.metadata
      let canRevert = info?.isRollingBack == false && reasonNotToReturn == nil
      return (canRevert ? Stall.Opening.fixNotRevert : Stall.Opening.fix)
        + "\(Stall.Opening.retry)\(cluster.namespace)/\(cluster.name)/\(failed?.pod ?? "")"
        + (info == nil && failed?.isSettingUp == true ? "; or delete the pod, for a new container" : "")
    case .revert(let commit):
      let app = Stall.Opening.revert + (info?.prevApp ?? "")
      guard let commit else { return "\(app), name it in git again" }
      let path = observed.cluster.metadata.annotations[Wire.Annotation.path]
      return "\(app)\(Stall.Opening.commit)\(commit)"
        + (path.map { ": " + RestoreCommand.text(before: commit, path: $0) } ?? "")
    }
  }

  /// Whether a rollback resolves the failure: it replaces the pods that the upgrade touched, and withdraws the
  /// upgrade's notifications to other members.
  private func isUndoneByRollback(_ member: MemberStatus) -> Bool {
    step(of: member).isTouched
      || member.failedNotification.map { Self.forward.contains($0.event) } ?? false
  }
}

extension MemberStatus {
  /// Whether the failed task belongs to the setup of a container. A new container runs the setup again.
  fileprivate var isSettingUp: Bool {
    detail.failedStep == .install || failedNotification?.event == .configure
  }
}
