import KubeDirector

// Readiness stability: a container that crashes after some seconds is ready for that time, and again after each
// restart. If each ready moment counted at once, an upgrade could replace all pods of a role with an image that cannot
// run.
extension ClusterMachine {
  /// How long a restarted container must be ready before it counts, in seconds.
  private static let steadyTime = 10

  /// False for a restarted container that has not been ready for long enough.
  func isSteady(_ pod: PodObservation) -> Bool { timeToProve(pod) == nil }

  private func timeToProve(_ pod: PodObservation) -> Int? {
    guard pod.hasRestarted, let since = pod.readySince, observed.now - since < Self.steadyTime else {
      return nil
    }
    return since + Self.steadyTime - observed.now
  }

  /// Requests a wake-up for when the next container has been ready for long enough.
  mutating func watchSteadiness() {
    let left = status.members.compactMap { member in observed.pods[member.pod].flatMap(timeToProve) }
    if let first = left.min(), status.state != .configured { actions.append(.wake(after: first)) }
  }
}
