import Diagnostics
import KubeDirector
import StatusWriter

/// Sees what the daemon tells of commits and clusters, and lets the story wait for it.
public actor DaemonWatch {
  /// The status of every cluster that was told of.
  public private(set) var clusters: [ObjectReference: ClusterStatus] = [:]
  /// What was told last of each commit.
  public private(set) var reports: [String: CommitReport] = [:]
  private var waiters: [Int: Waiter] = [:]
  private var nextID = 0

  private struct Waiter {
    var condition: @Sendable (isolated DaemonWatch) -> Bool
    var continuation: CheckedContinuation<Bool, Never>
  }

  /// Nothing was told yet.
  public init() {}

  /// Takes in what becomes of a commit.
  public func commit(_ report: CommitReport) {
    reports[report.commit] = report
    look()
  }

  /// Takes in how a cluster stands.
  public func cluster(_ reference: ObjectReference, _ status: ClusterStatus?) {
    clusters[reference] = status
    look()
  }

  /// Waits until a condition holds, looked at whenever something was told.
  ///
  /// - Returns: false where it does not within the limit.
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
      let held = await group.next() ?? false
      group.cancelAll()
      self.giveUp(id)
      return held
    }
  }

  private func enroll(_ id: Int, _ condition: @escaping @Sendable (isolated DaemonWatch) -> Bool) async
    -> Bool
  {
    await withCheckedContinuation { continuation in
      waiters[id] = Waiter(condition: condition, continuation: continuation)
      look()
    }
  }

  private func giveUp(_ id: Int) { waiters.removeValue(forKey: id)?.continuation.resume(returning: false) }

  private func look() {
    for (id, waiter) in waiters where waiter.condition(self) {
      waiters[id] = nil
      waiter.continuation.resume(returning: true)
    }
  }
}
