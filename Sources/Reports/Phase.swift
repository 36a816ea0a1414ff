/// The progress of an object or of a whole commit.
public enum Phase: String, Sendable, Hashable, CaseIterable, Comparable {
  /// The live state matches the commit.
  case done
  /// Pods are being replaced with the new image.
  case upgrading
  /// Accepted; the desired state is not reached yet.
  case pending
  /// Evaluated again when the cluster's state changes.
  case waiting
  /// Pods are being returned to their previous image.
  case rollingBack
  /// A rule is violated; only a new commit can fix it.
  case rejected
  /// A pod or its script failed; intervention is required.
  case failed

  /// Orders by severity: the phase that needs the most attention is the greatest.
  public static func < (left: Phase, right: Phase) -> Bool { left.severity < right.severity }

  private var severity: Int {
    switch self {
    case .done: 0
    case .upgrading: 1
    case .pending: 2
    case .waiting: 3
    case .rollingBack: 4
    case .rejected: 5
    case .failed: 6
    }
  }

  /// The label before the objects in this phase.
  var word: String {
    switch self {
    case .done: "done"
    case .upgrading: "upgrading"
    case .pending: "pending"
    case .waiting: "waiting"
    case .rollingBack: "rolling back"
    case .rejected: "rejected"
    case .failed: "failed"
    }
  }
}
