import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Rules

// Runs the guards in this order. Each guard gets its inputs from here and may change the verdicts.
extension Reconciler {
  func applyGuards(to changes: inout [JudgedChange], at head: ObjectID) async throws -> Requeue {
    let requeue = await applyOwnershipGuard(to: &changes)
    let prunes = PruneGuard(head: head, isPruning: settings.policy.prune)
    prunes.apply(try await doubts(about: changes, at: head), to: &changes)
    if changes.contains(where: \.isPrune) {
      prunes.apply(pruneExtent, branch.approval, to: &changes)
    }
    if settings.isAtomic { applyAtomicCommitGuard(to: &changes) }
    return requeue
  }

  // MARK: Ownership

  private func applyOwnershipGuard(to changes: inout [JudgedChange]) async -> Requeue {
    var requeue = Requeue.none
    let ownershipGuard = OwnershipGuard(installation: settings.policy.installation)
    for index in changes.indices {
      let change = changes[index]
      guard let ownership = ownership(of: change.reference) else { continue }
      var obstacle: OwnershipGuard.AdoptionObstacle?
      // A cluster that another operator has taken over is adopted again only by a change.
      let isKept = ownership.isTakenOver && change.verdict == .unchanged
      if ownership.isAdopted, !isKept, let live = change.live, change.isCluster {
        obstacle = await self.obstacle(toAdopting: live)
      }
      switch obstacle {
      // StatefulSets and services are not watched, so no event says that they are gone.
      case .shape, .foreignObjects: pending.deferAdoption(of: change.reference)
      case .unread(let error):
        pending.insert(change.reference, of: change.commit)
        requeue.merge(retry(change.reference, after: error))
      case nil: break
      }
      ownershipGuard.apply(to: &changes[index], ownership, obstacle: obstacle)
    }
    return requeue
  }

  /// Nil if the object does not exist.
  private func ownership(of reference: ObjectReference) -> OwnershipGuard.Ownership? {
    guard let live = liveState.objects[reference] else { return nil }
    let owner = live.label(Wire.Label.source)
    return OwnershipGuard.Ownership(
      owner: owner, isInGit: desired.snapshot.holds(reference),
      isDriftRefused: drift.isRefused(reference),
      asksForAdoption: desired.metadata(of: reference)?.annotations[Wire.Annotation.adopt] == "true",
      path: desired.source(of: reference)?.path,
      isTakenOver: owner == settings.policy.installation && ForeignAdoption.isTakenOver(live.json))
  }

  /// Whether git asks to adopt an object that has no owner, or that another operator has managed meanwhile. Only a
  /// commit that changes the object adopts it again: if that operator still runs, both would write the status in turns.
  func isAdopted(_ reference: ObjectReference) -> Bool { ownership(of: reference)?.isAdopted == true }

  // MARK: Pruning

  /// The doubts about accepted deletions, by object. A doubt blocks the deletion.
  private func doubts(
    about changes: [JudgedChange], at head: ObjectID
  ) async throws -> [ObjectReference: PruneGuard.Doubt] {
    var doubts: [ObjectReference: PruneGuard.Doubt] = [:]
    for change in changes where change.change == .delete && change.verdict == .accepted {
      let reference = change.reference
      if drift.drifted.contains(reference) {
        doubts[reference] = .drifted
        pending.insert(reference)
      } else if let live = change.live, !stamp.holds(live.json) {
        doubts[reference] = .unproven
      } else if let path = try await fileLeftBehind(reference, at: head) {
        let layoutCommit = try await lastCommit(of: RepositoryLayout.path, at: head)
        doubts[reference] = .fileLeftBehind(path: path, layoutCommit: layoutCommit ?? head)
      }
    }
    return doubts
  }

  /// The path of the file if only a change of the layout removed its object: the file still exists, and is unchanged
  /// or no longer selected.
  private func fileLeftBehind(_ reference: ObjectReference, at head: ObjectID) async throws -> String? {
    guard let live = liveState.objects[reference], let path = live.annotation(Wire.Annotation.path),
      let entry = try await repository.entry(at: path, in: head)
    else { return nil }
    let isUntouched = entry.id.hex == live.annotation(Wire.Annotation.blob)
    return isUntouched || desired.blob(at: path) == nil ? path : nil
  }

  private var pruneExtent: PruneGuard.Extent {
    let clusters = liveState.applied.references.filter { $0.kind == Wire.clusterKind }
    let missing = clusters.filter { !desired.snapshot.holds($0) }
    let gone = missing.filter { liveState.objects[$0].map { stamp.holds($0.json) } ?? false }
    // Clusters without a valid stamp do not belong to this installation, and count neither as gone nor as existing.
    return PruneGuard.Extent(gone: gone.count, all: clusters.count - (missing.count - gone.count))
  }

  // MARK: Atomic commits

  private func applyAtomicCommitGuard(to changes: inout [JudgedChange]) {
    var atomicGuard = AtomicCommitGuard(changes, brokenFiles: pending.brokenFiles) { cluster in
      guard let name = desired.snapshot.cluster(cluster)?.spec.app else { return [] }
      return [cluster.namespace, settings.policy.systemNamespace].map { .app($0, name) }
    }
    atomicGuard.apply(to: &changes)
  }
}
