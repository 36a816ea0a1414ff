import KubeDirector

// Readiness stability: a container that crashes after some seconds is ready for that time, and again after each
// restart. If each ready moment counted at once, an upgrade could replace all pods of a role with an image that cannot
// run.
extension ClusterMachine {
  /// How long a restarted container must be ready before it counts, in seconds.
  private static let stableTime = 10

  /// False for a restarted container that has not been ready for long enough.
  func isStable(_ pod: PodObservation) -> Bool { timeUntilStable(pod) == nil }

  private func timeUntilStable(_ pod: PodObservation) -> Int? {
    guard pod.hasRestarted, let since = pod.readySince, observed.now - since < Self.stableTime else {
      return nil
    }
    return since + Self.stableTime - observed.now
  }

  /// Requests a wake-up for when the next container has been ready for long enough.
  mutating func watchStability() {
    let left = status.members.compactMap { member in observed.pods[member.pod].flatMap(timeUntilStable) }
    if let first = left.min(), status.state != .configured { actions.append(.wake(after: first)) }
  }
}
