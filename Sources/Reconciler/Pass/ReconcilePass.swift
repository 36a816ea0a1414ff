import GitStore
import Logging

// A reconcile pass: reads changes in git and in the cluster, judges and applies them, and reports the result.
extension Reconciler {
  /// Runs the steps of a pass in their order.
  ///
  /// - Returns: when the next pass starts.
  func reconcilePass() async -> Requeue {
    guard liveState.isComplete, let fetched = branch.fetch.head else { return .none }
    syncs.beginPass()
    if drift.takeResync() { await resync() }
    var requeue = Requeue.none
    do {
      try await followBranch(to: fetched, &requeue)
      // A refused head does not stop drift correction and retries for the state that was applied before.
      requeue.merge(await correctDrift())
      requeue.merge(try await judgePending())
      requeue.merge(await reportBlockedChanges())
    } catch {
      requeue.merge(await recover(from: error, at: fetched))
    }
    await reportClusters()
    // Before the daemon's own commits, which are not part of what was fetched.
    await reportReconciled(after: requeue)
    requeue.merge(await revertStalledUpgrades())
    if mayStep { requeue.merge(.now) }
    return requeue
  }

  /// Reports the commit that is reconciled now, and the requests to fetch that this answers. A pass that failed in part,
  /// or that left out changes because of drift, has not applied its commit.
  private func reportReconciled(after requeue: Requeue) async {
    let hasApplied =
      !requeue.isBackoff && requeue.wait != .zero
      && pending.changes.objects.isDisjoint(with: drift.drifted)
    let answer = syncs.endPass(
      at: desired.head, hasApplied: hasApplied,
      isFollowed: branch.goal == nil || branch.isSettled(at: desired.head))
    guard let answer else { return }
    await send(.reconciled(answer.head, requests: answer.requests))
  }

  /// Repairs the local repository if it could not be read.
  private func recover(from error: any Error, at head: ObjectID) async -> Requeue {
    if let error = error as? GitError {
      logger.error("git.read.failed", metadata: ["error": "\(error)"])
      if await !repairRepository(for: head, after: error) { branch.fetch.cannotRead(error) }
    }
    return .backoff()
  }

  /// Whether the local repository was damaged and was fetched again.
  func repairRepository(for head: ObjectID, after error: GitError) async -> Bool {
    guard error.kind == .gone || error.kind == .corrupt, branch.beginRepair(for: head) else { return false }
    logger.warning("repository.damaged", metadata: ["error": "\(error)"])
    guard (try? await mirror.repair()) == true else { return false }
    _ = await fetch()
    return branch.fetch.problem == nil
  }
}
