import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Reports
import Rules
import Values

// Applies accepted changes to the cluster.
extension Reconciler {
  func apply(_ change: JudgedChange, _ files: ParsedFiles) async throws(GitError) -> Requeue {
    let reference = change.reference
    var document: JSON?
    if change.change != .delete, let path = desired.source(of: reference)?.path {
      document = try await self.document(of: reference, at: path, files)
    }
    guard liveState.objects[reference]?.resourceVersion == change.live?.resourceVersion else {
      pending.insert(reference, of: change.commit)
      return .now
    }
    do throws(APIError) {
      guard try await write(change, document) else { return .none }
    } catch {
      return await handle(
        ApplyFailure(error, of: change, isDriftRefused: drift.isRefused(reference)), of: change, error)
    }
    blocked[reference] = nil
    // Update the report of the earlier commit before this commit supersedes it.
    if change.isCluster, let live = change.live { updateReport(of: live, ClusterStatus(live.json["status"])) }
    await record(ObjectReport.applied(reference, change.change), of: change.commit)
    ledger.markDirty(reference)
    // The watch sends no event for the daemon's own write.
    judgeAgain(after: reference)
    logger.info(
      "object.applied",
      metadata: [
        "object": "\(reference)", "kind": "\(reference.kind)", "change": "\(change.change.rawValue)",
        "commit": "\(change.commit.short)",
      ])
    return pending.changes.objects.isEmpty ? .none : .now
  }

  /// Creates, replaces or deletes the object.
  ///
  /// - Parameter document: the object as its file has it; nil for a deletion.
  /// - Returns: false if the file does not contain the object.
  private func write(_ change: JudgedChange, _ document: JSON?) async throws(APIError) -> Bool {
    let (reference, live) = (change.reference, change.live)
    if change.change == .delete {
      if let live { try await delete(live) }
      return true
    }
    guard let source = desired.source(of: reference), let blob = desired.blob(at: source.path),
      let document
    else { return false }
    let before = change.change == .metadata ? live.flatMap(Provenance.init(of:)) : nil
    let provenance = Provenance(
      commit: change.commit.hex, blob: blob.hex, path: source.path, change: change.change,
      specCommit: before?.specCommit)
    drift.willWrite(reference)
    var prepared = live
    if change.isCluster, isAdopted(reference), let live { prepared = try await prepareAdoption(of: live) }
    put(try await applier.apply(document, over: prepared, provenance))
    return true
  }

  private func handle(
    _ failure: ApplyFailure, of change: JudgedChange, _ error: APIError
  ) async -> Requeue {
    let reference = change.reference
    switch failure {
    case .refused(let refused):
      await block(refused)
      guard refused.verdict == .waiting else { return .none }
      pending.forbid(reference, of: change.commit)
      warn(reference, error)
      return .none
    case .unanswered: await record(ApplyFailure.report(change, unanswered: error), of: change.commit)
    case .outdated: break
    }
    pending.insert(reference, of: change.commit)
    return retry(reference, after: error)
  }

  func retry(_ reference: ObjectReference, after error: APIError) -> Requeue {
    pending.insert(reference)
    warn(reference, error)
    return .backoff()
  }

  private func warn(_ reference: ObjectReference, _ error: APIError) {
    guard error.kind != .conflict else { return }
    logger.warning("apply.failed", metadata: ["object": "\(reference)", "error": "\(error)"])
  }

  /// Stores the object that a write of this daemon returned.
  func put(_ object: Object) {
    drift.wrote(object)
    liveState.put(object)
  }

  private func delete(_ live: Object) async throws(APIError) {
    if live.kind == Wire.clusterKind {
      let isAsked = await asksForVolumes(live)
      try await applier.settleVolumes(of: live, isAsked: isAsked)
      if isAsked { logger.notice("volumes.deleted", metadata: ["object": "\(live.reference)"]) }
    }
    try await applier.delete(live, live.reference.resource)
  }

  /// Whether the file that a cluster was applied from asks for its volumes to be deleted. Annotations of the live
  /// object do not count because anyone may have set them; if the file cannot be read, the volumes are kept.
  private func asksForVolumes(_ live: Object) async -> Bool {
    guard let origin = Provenance(of: live), let document = await document(of: live.reference, from: origin)
    else { return false }
    return document["metadata"]?["annotations"]?[Wire.Annotation.deleteVolumes]?.string == "true"
  }
}
