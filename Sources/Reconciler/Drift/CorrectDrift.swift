import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Values

// Drift correction: objects that came from git and were edited in the cluster are restored.
extension Reconciler {
  /// Enqueues the drift check and the judgements that a change of a live object requires.
  ///
  /// - Parameter before: the apps that the object referred to before the change.
  func observe(_ reference: ObjectReference, before: Set<String> = []) {
    ledger.markDirty(reference)
    pending.noteChange(of: reference, before: before)
    judgeAgain(after: reference, before: before)
    if let object = liveState.objects[reference] { return detectEdit(object) }
    drift.forget(reference)
    // A rejection applied to a change of the object that no longer exists.
    if blocked[reference]?.verdict != .orphaned, desired.snapshot.holds(reference) {
      pending.insert(reference)
    }
  }

  /// Checks an object of this installation for drift and enqueues its correction.
  func detectEdit(_ object: Object) {
    let reference = object.reference
    // Another client restored the object, so the report on it may be out of date.
    if case .inSync(endsConflict: true) = drift.observe(object, desired.object(reference)),
      blocked[reference] != nil
    {
      pending.insert(reference)
    }
  }

  /// Corrects drift, one object after another.
  func correctDrift() async -> Requeue {
    var requeue = Requeue.none
    for reference in drift.drifted {
      drift.beginCorrection(of: reference)
      guard let live = liveState.objects[reference], drift.isEdited(live, desired.object(reference)) else {
        continue
      }
      // The applied state is read from the recorded blob, which may differ from the head's.
      guard let origin = drift.origin(of: live), let document = await document(of: reference, from: origin)
      else {
        // The applied state is unknown, so the head is compared with the live object.
        drift.cannotCorrect(live)
        if blocked[reference] == nil, desired.snapshot.holds(reference) { pending.insert(reference) }
        logger.warning("drift.unknown", metadata: ["object": "\(reference)"])
        continue
      }
      requeue.merge(await correct(live, to: document, origin))
    }
    return requeue
  }

  private func correct(_ live: Object, to document: JSON, _ origin: Provenance) async -> Requeue {
    let reference = live.reference
    do throws(APIError) {
      let isRestamp = drift.isOnlyRestamped(live, to: document, origin, desired.object(reference))
      let now = try await applier.apply(document, over: live, origin, isAgain: true)
      liveState.put(now)
      let isCorrected = drift.corrected(now, desired.object(reference))
      // A change that was refused, or blocked because drift could not be corrected, is judged again.
      if blocked[reference] != nil { pending.insert(reference) }
      if !isCorrected { logger.warning("drift.conflict", metadata: ["object": "\(reference)"]) }
      if isRestamp { return .none }
      logger.notice(
        "drift.corrected", metadata: ["object": "\(reference)", "commit": "\(origin.commit.prefix(7))"])
      await send(.driftCorrected(live, path: origin.path))
      return .none
    } catch  where !error.isTransient && ![.notFound, .unauthorized].contains(error.kind) {
      // The judgement reports the refusal, and a later commit can still change the object.
      drift.refused(live, to: document, origin)
      pending.insert(reference)
      logger.warning("drift.refused", metadata: ["object": "\(reference)", "error": "\(error)"])
      return .none
    } catch {
      // Do not judge the object: the baseline would be the edited state.
      drift.unanswered(reference)
      if error.kind != .conflict {
        logger.warning("drift.stays", metadata: ["object": "\(reference)", "error": "\(error)"])
      }
      return .backoff()
    }
  }

  /// The object as in the file that it was applied from; nil if that file cannot be read.
  func document(of reference: ObjectReference, from origin: Provenance) async -> JSON? {
    guard let blob = ObjectID(hex: origin.blob),
      let bytes = try? await repository.blob(blob, limit: ManifestLimits.standard.bytes)
    else { return nil }
    return desired.document(of: reference, path: origin.path, in: bytes)
  }
}
