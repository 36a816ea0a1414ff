import ClusterAPI
import Upgrade

/// The pod orders of all clusters that are running or have finished since the last step, and their start failures.
struct PodWorkTable {
  private var work: [ObjectName: [String: PodWork]] = [:]
  /// Consecutive failed attempts to run a pod's order, by pod.
  private var startFailures: [ObjectName: [String: StartFailures]] = [:]

  private struct StartFailures {
    var containerID: String
    var attempts = CommandAttempts()
    /// Set once the failure has lasted for some time.
    var message: String?
  }

  /// Why commands of a container have failed for some time.
  struct LastingFailure: Sendable, Hashable {
    var containerID: String
    var message: String
  }

  func of(_ cluster: ObjectName) -> [String: PodWork] { work[cluster] ?? [:] }

  /// Why the pods' commands have failed for some time, by pod.
  func lastingFailures(of cluster: ObjectName) -> [String: LastingFailure] {
    (startFailures[cluster] ?? [:]).compactMapValues { failures in
      failures.message.map { LastingFailure(containerID: failures.containerID, message: $0) }
    }
  }

  /// Reserves the pod for an order. Returns false if the pod is busy.
  mutating func claim(_ cluster: ObjectName, pod: String, _ order: PodOrder) -> Bool {
    if case .running(let other) = work[cluster]?[pod], other.containerID == order.containerID { return false }
    work[cluster, default: [:]][pod] = .running(order)
    return true
  }

  /// Records the result of a pod order, unless the pod has been given another order meanwhile.
  mutating func end(_ cluster: ObjectName, pod: String, _ order: PodOrder, _ entry: PodWork?) {
    guard work[cluster]?[pod] == .running(order) else { return }
    work[cluster]?[pod] = entry
    if entry != nil { startFailures[cluster]?[pod] = nil }
  }

  /// Increments the pod's consecutive failed attempts.
  ///
  /// - Returns: the number of consecutive failures in the order's container.
  mutating func recordStartFailure(
    _ cluster: ObjectName, pod: String, _ order: PodOrder, _ failure: CommandFailure, _ message: String
  ) -> CommandAttempts {
    var entry = startFailures[cluster]?[pod] ?? StartFailures(containerID: order.containerID)
    if entry.containerID != order.containerID { entry = StartFailures(containerID: order.containerID) }
    entry.attempts.total += 1
    if failure == .notStarted { entry.attempts.notStarted += 1 }
    entry.message = failure.isLasting(after: entry.attempts) ? message : nil
    startFailures[cluster, default: [:]][pod] = entry
    return entry.attempts
  }

  /// Removes results that a written status already contains.
  mutating func dropFinished(_ cluster: ObjectName, _ seen: [String: PodWork]) {
    for (pod, entry) in seen where !entry.isRunning && work[cluster]?[pod] == entry {
      work[cluster]?[pod] = nil
    }
  }

  mutating func forget(_ cluster: ObjectName) {
    work[cluster] = nil
    startFailures[cluster] = nil
  }
}
