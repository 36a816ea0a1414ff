import ClusterAPI

/// A pod whose script is followed.
struct FollowedPod {
  let pod: Object
  /// The daemon's Lease; nil for an embedded cluster.
  var lease: ObjectName?

  /// Why the script cannot end any more; nil if it can.
  ///
  /// - Parameters:
  ///   - current: The pod of that name as it is now; nil if there is none.
  ///   - isDaemonAbsent: Whether no daemon runs.
  func end(_ current: Object?, isDaemonAbsent: Bool) -> String? {
    guard let current else { return "the pod \(pod.objectName) is gone" }
    if current.uid != pod.uid {
      return "the pod \(pod.objectName) was replaced; follow the new one with the same command"
    }
    return isDaemonAbsent
      ? "no daemon runs, so the script does not continue: \(DaemonAbsence.remedy(lease))" : nil
  }
}
