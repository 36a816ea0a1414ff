import Diagnostics
import KubeDirector

extension LiveCluster {
  /// The reason why a change of the cluster must wait, as text that follows the cluster's name; nil if it need not
  /// wait.
  /// - Parameters:
  ///   - app: The app that was last requested.
  ///   - noWayBack: Whether the running upgrade can no longer be rolled back.
  func reasonToWait(beside app: String, noWayBack: Bool) -> String? {
    guard let status else { return "waits until the engine has processed it for the first time" }
    if let upgrade = status.upgradeInfo {
      if isStalled {
        if noWayBack {
          return "waits for a stalled upgrade to \(status.app), which is past its point of no return"
        }
        return upgrade.isRollingBack
          ? "waits for a stalled rollback to \(status.app)"
          : "waits for a stalled upgrade; revert \(commit) first"
      }
      let way = upgrade.isRollingBack ? "rollback" : "upgrade"
      if status.isSuspended { return "waits for the \(way) to \(status.app), which is suspended\(progress)" }
      return "waits for the running \(way) to \(status.app)\(progress)"
    }
    if isStalled, status.state == .updating {
      return "waits for members that do not start; revert \(commit) first"
    }
    switch status.state {
    case .creating where isStalled: return "waits until it is configured; it cannot be created"
    case .creating: return "waits until it is configured; it is being created"
    case .updating: return "waits until it is configured; its members are changing"
    case .configured: break
    }
    if status.app != app, status.isSuspended {
      return "waits for the upgrade to \(app) that was requested, and is suspended"
    }
    if status.app != app { return "waits for the upgrade to \(app) that was requested and has not begun" }
    // A cluster that waits for something outside itself may be deleted or changed again at once.
    if let generation, generation > status.observedGeneration, !status.waits(at: generation) {
      return "waits until the engine has processed its last change"
    }
    return nil
  }

  /// The remediation for the user. If one commit upgrades many clusters, only this cluster's file is reverted.
  /// - Parameters:
  ///   - path: The cluster's file.
  ///   - noWayBack: Whether the running upgrade can no longer be rolled back.
  func remedy(path: String?, noWayBack: Bool) -> String {
    guard isStalled else {
      return status?.isSuspended == true
        ? "resume it: remove the annotation \(Wire.Annotation.suspend) from its file, or kdops resume"
        : "nothing to do: it is judged again when the cluster is configured"
    }
    if noWayBack { return "fix the cause, then set the annotation \(Wire.Annotation.retry)" }
    if status?.upgradeInfo?.isRollingBack == true { return "check in its status what its pods wait for" }
    if status?.state == .creating {
      return (status?.stall?.advice).flatMap { $0.isEmpty ? nil : String($0.trimmingPrefix("; ")) }
        ?? "check in its status what its pods wait for; delete a cluster that cannot be created"
    }
    guard let begun, let path else { return "restore the old app in its file" }
    return RestoreCommand.text(before: begun, path: path)
  }

  var isStalled: Bool { status?.isStalled == true }

  private var commit: String { begun.map { "`\($0)`" } ?? "its commit" }

  /// The first digits of the commit whose parent the user must restore.
  private var begun: String? {
    status?.upgradeInfo?.commit ?? status?.specCommit.map { String($0.prefix(7)) }
  }

  /// The progress, such as ` (2 of 6 pods done)`; empty if the status does not have it.
  private var progress: String {
    guard let status, let id = status.upgradeInfo?.id else { return "" }
    let members = status.roles.filter { $0.upgradeStatus != nil }.flatMap(\.members)
    if members.isEmpty { return "" }
    let done = members.filter { $0.upgrade?.id == id && $0.upgrade?.done == true }.count
    return " (\(done) of \(members.count) pods done)"
  }
}
