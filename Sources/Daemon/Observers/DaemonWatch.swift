import Diagnostics
import KubeDirector
import Reports

/// Records the daemon's reports of commits and clusters, and lets callers wait for a condition.
public actor DaemonWatch {
  /// The last reported status of every cluster.
  public private(set) var clusters: [ObjectReference: ClusterStatus] = [:]
  /// The last report of each commit.
  public private(set) var reports: [String: CommitReport] = [:]
  private var waiters: [Int: Waiter] = [:]
  private var nextID = 0

  private struct Waiter {
    var condition: @Sendable (isolated DaemonWatch) -> Bool
    var continuation: CheckedContinuation<Bool, Never>
  }

  /// Creates a watch without any reports.
  public init() {}

  /// Records the report of a commit.
  public func commit(_ report: CommitReport) {
    reports[report.commit] = report
    checkWaiters()
  }

  /// Records the status of a cluster.
  public func cluster(_ reference: ObjectReference, _ status: ClusterStatus?) {
    clusters[reference] = status
    checkWaiters()
  }

  /// Waits until a condition is true. The condition is evaluated after every report.
  ///
  /// - Returns: false if the condition is not true within the limit.
  public func wait(
    atMost limit: Duration, for condition: @escaping @Sendable (isolated DaemonWatch) -> Bool
  ) async -> Bool {
    if condition(self) { return true }
    nextID += 1
    let id = nextID
    return await withTaskGroup(of: Bool.self) { group in
      group.addTask { await self.enroll(id, condition) }
      group.addTask {
        try? await Task.sleep(for: limit)
        await self.giveUp(id)
        return false
      }
      let blocked = await group.next() ?? false
      group.cancelAll()
      self.giveUp(id)
      return blocked
    }
  }

  private func enroll(_ id: Int, _ condition: @escaping @Sendable (isolated DaemonWatch) -> Bool) async
    -> Bool
  {
    await withCheckedContinuation { continuation in
      waiters[id] = Waiter(condition: condition, continuation: continuation)
      checkWaiters()
    }
  }

  private func giveUp(_ id: Int) { waiters.removeValue(forKey: id)?.continuation.resume(returning: false) }

  private func checkWaiters() {
    for (id, waiter) in waiters where waiter.condition(self) {
      waiters[id] = nil
      waiter.continuation.resume(returning: true)
    }
  }
}
