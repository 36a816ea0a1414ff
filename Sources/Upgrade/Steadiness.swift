import KubeDirector

// A container that crashes after some seconds is ready for as long, and again after each restart. Believed at once,
// such moments would let an upgrade walk down a whole role with an image that cannot run.
extension ClusterMachine {
  /// How long a container that was started again has to be ready before it counts, in seconds.
  private static let steadyTime = 10

  /// False for a container that was started again and has not yet proved that it stays.
  func isSteady(_ pod: PodObservation) -> Bool { timeToProve(pod) == nil }

  /// False also for a member's; true where it has no pod.
  func isSteady(_ member: MemberStatus) -> Bool { observed.pods[member.pod].map(isSteady) ?? true }

  private func timeToProve(_ pod: PodObservation) -> Int? {
    guard pod.hasRestarted, let since = pod.readySince, observed.now - since < Self.steadyTime else {
      return nil
    }
    return since + Self.steadyTime - observed.now
  }

  /// Asks to be woken when the next one has proved it.
  mutating func watchSteadiness() {
    let left = status.members.compactMap { member in observed.pods[member.pod].flatMap(timeToProve) }
    if let first = left.min(), status.state != .configured { actions.append(.wake(after: first)) }
  }
}
