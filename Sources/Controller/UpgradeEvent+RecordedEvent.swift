import ClusterAPI
import KubeDirector
import Upgrade

// Converts engine events into Kubernetes Events for `kubectl describe`. The log reports the same events.
extension UpgradeEvent {
  /// Creates the Kubernetes Event for this engine event.
  ///
  /// - Parameter commit: the commit that is being rolled out.
  func recordedEvent(about cluster: Object.Reference, commit: String?) -> RecordedEvent {
    let (reason, words) = reasonAndMessage
    // A stall message already names the commit to revert.
    let source = isStall ? "" : commit.map { " (commit \($0.prefix(7)))" } ?? ""
    return RecordedEvent(about: cluster, isWarning: isWarning, reason: reason, message: words + source)
  }

  private var isStall: Bool { if case .stalled = self { true } else { false } }

  var isWarning: Bool {
    switch self {
    case .podFailed, .stalled, .retryIgnored: true
    default: false
    }
  }

  /// The reason as one word in CamelCase, and the message as a sentence.
  private var reasonAndMessage: (reason: String, words: String) {
    switch self {
    case .upgradeBegan(let from, let to): ("UpgradeBegan", "upgrade from \(from) to \(to)")
    case .rollbackBegan(let from, let to): ("RollbackBegan", "rollback from \(from) to \(to)")
    case .podClaimed(let pod, let role, let rollingBack):
      rollingBack
        ? ("PodRollingBack", "\(pod) of role \(role) goes back to the old image")
        : ("PodUpgrading", "\(pod) of role \(role) gets the new image")
    case .podDone(let pod, let role, let rollingBack, let seconds):
      rollingBack
        ? ("PodReverted", "\(pod) of role \(role) is back after \(seconds) s")
        : ("PodUpgraded", "\(pod) of role \(role) is upgraded after \(seconds) s")
    case .podFailed(let pod, let role, let reason): ("PodFailed", "\(pod) of role \(role): \(reason)")
    case .stalled(let stall): (stall.reason.rawValue, stall.message)
    case .roleDone(let role, let rollingBack):
      rollingBack
        ? ("RoleRolledBack", "role \(role) is back as it was") : ("RoleUpgraded", "role \(role) is upgraded")
    case .upgradeEnded(let app, let rolledBack, let seconds):
      rolledBack
        ? ("RollbackEnded", "all members run \(app) again, after \(seconds) s")
        : ("UpgradeEnded", "all members run \(app), after \(seconds) s")
    case .configured(let members): ("Configured", "\(members) members are set up")
    case .membersChanged(let role, let from, let to):
      ("MembersChanged", "role \(role) goes from \(from) to \(to) members")
    case .connectionsChanged(let names, let missing):
      (
        "ConnectionsChanged",
        "changed: \(names.joined(separator: ", "))"
          + (missing.isEmpty ? "" : "; not available: \(missing.joined(separator: ", "))")
      )
    case .retried(let pod, let what): ("Retried", "\(what) is run again in \(pod), as was asked for")
    case .retryIgnored(let reason):
      ("RetryIgnored", "annotation \(Wire.Annotation.retry): \(reason); nothing is run again")
    }
  }
}
