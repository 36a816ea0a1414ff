/// How far an object, or the whole of a commit, has come.
public enum Phase: String, Sendable, Hashable, CaseIterable, Comparable {
  /// Everything is as the commit says.
  case done
  /// Pods are being replaced with the new image.
  case upgrading
  /// Accepted; what it asks for is not there yet.
  case pending
  /// Judged again when the cluster's state changes.
  case waiting
  /// Pods are going back to the image they had.
  case rollingBack
  /// A rule is broken; only a new commit mends it.
  case rejected
  /// A pod or its script failed; somebody has to act.
  case failed

  /// The worst is the greatest: what asks most for somebody's attention.
  public static func < (left: Phase, right: Phase) -> Bool { left.badness < right.badness }

  private var badness: Int {
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

  /// The word that people read before the objects in this phase.
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
