import KubeDirector

// Remediation of a stall, as text that follows the message about the pod.
extension ClusterMachine {
  /// The remediation; empty if the only remedy is to fix the cause and the message already makes that plain.
  func wayOut(of stallReason: StallReason) -> String {
    let member = status.members.first { $0.pod == stallReason.pod }
    let failed = stallReason.reason == StallReason.configError ? member : nil
    let again = failed.map { ", then \(command(retrying: $0.pod))" }
    guard let info = status.upgradeInfo else {
      guard let failed, let again else { return "" }
      return StallWords.mend + again + (failed.isSettingUp ? "; or delete the pod, for a new container" : "")
    }
    if info.isRollingBack {
      return StallWords.mend + (again ?? ", and the rollback continues automatically")
    }
    if let reason = reasonNotToReturn { return "; \(reason)" + StallWords.mend + (again ?? "") }
    if let failed, let again, !isTakenBack(failed, info) { return StallWords.mendNotRevert + again }
    // The commit that began the upgrade: a later one may have changed only the object's labels.
    let commit = info.id.prefix { $0 != "-" }.prefix(7)
    guard !commit.isEmpty else { return StallWords.goBack + "\(info.prevApp), name it in git again" }
    let path = observed.cluster.metadata.annotations[Wire.Annotation.path]
    return StallWords.goBack + "\(info.prevApp), revert commit \(commit)"
      + (path.map { ": " + StallWords.goBack(before: String(commit), path: $0) } ?? "")
  }

  private func command(retrying pod: String) -> String {
    let cluster = observed.cluster.metadata
    return "kdops retry \(cluster.namespace)/\(cluster.name)/\(pod)"
  }

  /// Whether a rollback resolves the failure: it replaces the pods that the upgrade touched, and withdraws the
  /// upgrade's notifications to other members.
  private func isTakenBack(_ member: MemberStatus, _ info: UpgradeInfo) -> Bool {
    member.upgrade?.id == info.id
      || member.failedNotification.map { Self.forward.contains($0.event) } ?? false
  }
}

extension MemberStatus {
  /// Whether the failed task is part of setting up a container, which starts over in a new container.
  fileprivate var isSettingUp: Bool {
    detail.failedStep == .install || failedNotification?.event == .configure
  }
}
