import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Reports
import Rules
import Values

/// Identifies a live object as it was when it last matched what kdops applied.
struct LastApplied: Hashable {
  /// The object's uid; another object of the same name was not applied by kdops.
  var uid: String
  var origin: Provenance

  /// Nil if the object has no provenance.
  init?(_ object: Object) {
    guard let origin = Provenance(of: object) else { return nil }
    uid = object.uid
    self.origin = origin
  }
}

/// The editable fields of an object: spec, labels and annotations.
struct EditableFields: Hashable {
  private var spec: JSON?
  private var labels: JSON?
  private var annotations: JSON?

  init(_ object: Object) {
    spec = object.json["spec"]
    labels = object.json["metadata"]?["labels"]
    annotations = object.json["metadata"]?["annotations"]
  }
}

// Drift correction: objects that came from git and were edited in the cluster are restored.
extension Reconciler {
  /// Stores the object that a write of this daemon returned.
  func put(_ object: Object, _ reference: ObjectReference) {
    lastApplied[reference] = LastApplied(object)
    driftConflicts[reference] = nil
    liveState.put(object)
  }

  /// Enqueues what a change of a live object requires.
  ///
  /// - Parameter before: the apps that the object referred to before the change.
  func touch(_ reference: ObjectReference, before: Set<String> = []) {
    dirtyClusters.insert(reference)
    meanwhile?[reference, default: []].formUnion(before)
    judgeAgain(after: reference, before: before)
    guard let object = liveState.objects[reference] else {
      lastApplied[reference] = nil
      driftConflicts[reference] = nil
      // A rejection applied to a change of the object that no longer exists.
      if blocked[reference]?.verdict != .orphaned, desired.snapshot.holds(reference) {
        toJudge.objects.insert(reference)
      }
      return
    }
    detectEdit(object, reference)
  }

  /// Checks an object of this installation for drift and enqueues its correction.
  func detectEdit(_ object: Object, _ reference: ObjectReference) {
    guard !object.isBeingDeleted, isOurs(object) || isStray(object, reference) else { return }
    if !isEdited(object, reference) {
      lastApplied[reference] = LastApplied(object)
      // The object was restored by someone else, so the report on it may be out of date.
      if driftConflicts.removeValue(forKey: reference) != nil, blocked[reference] != nil {
        toJudge.objects.insert(reference)
      }
    } else if driftConflicts[reference]?.fields != EditableFields(object) {
      drifted.insert(reference)
    }
  }

  private func isOurs(_ object: Object) -> Bool {
    object.label(Wire.Label.source) == settings.policy.installation
  }

  /// An object of this installation whose source label was removed. If git no longer contains the object, removing the
  /// label releases it.
  private func isStray(_ object: Object, _ reference: ObjectReference) -> Bool {
    object.label(Wire.Label.source) == nil && desired.snapshot.holds(reference)
      && (lastApplied[reference]?.uid == object.uid || stamp.holds(object.json))
  }

  /// Whether an object of this installation differs from what was applied. A valid stamp is not enough: a copy of an
  /// earlier state has one as well.
  private func isEdited(_ object: Object, _ reference: ObjectReference) -> Bool {
    guard isOurs(object), stamp.holds(object.json), let now = LastApplied(object) else { return true }
    if let known = lastApplied[reference], known.uid == now.uid, known != now { return true }
    // The stamp does not cover labels and annotations. If the head has the same file, the file shows what they were.
    guard let source = desired.source(of: reference), source.path.isExactly(now.origin.path),
      desired.blob(at: source.path)?.hex == now.origin.blob, let metadata = desired.metadata(of: reference)
    else { return false }
    return !Applier.carries(metadata, object)
  }

  /// The object as in the file that it was applied from; nil if that file cannot be read.
  func document(
    of reference: ObjectReference, from origin: Provenance, in repository: GitRepository
  ) async -> JSON? {
    guard let blob = ObjectID(hex: origin.blob),
      let bytes = try? await repository.blob(blob, limit: ManifestLimits.standard.bytes)
    else {
      return nil
    }
    return desired.document(of: reference, path: origin.path, in: bytes)
  }

  /// Corrects drift. What was applied is read by its blob, whatever the head contains now.
  func correctDrift(in repository: GitRepository) async {
    for reference in drifted {
      drifted.remove(reference)
      guard let live = liveState.objects[reference], isEdited(live, reference) else { continue }
      let known = lastApplied[reference].flatMap { $0.uid == live.uid ? $0.origin : nil }
      guard let origin = known ?? Provenance(of: live),
        let document = await document(of: reference, from: origin, in: repository)
      else {
        // The applied state is unknown, so the head is compared with the live object.
        driftConflicts[reference] = DriftConflict(fields: EditableFields(live))
        if blocked[reference] == nil, desired.snapshot.holds(reference) { toJudge.objects.insert(reference) }
        logger.warning("drift.unknown", metadata: ["object": "\(reference)"])
        continue
      }
      do throws(APIError) {
        let isAsGitSays =
          document["spec"] == live.json["spec"] && origin == Provenance(of: live) && isOurs(live)
          && desired.metadata(of: reference).map { Applier.carries($0, live) } ?? true
        let now = try await applier.apply(document, over: live, origin, isAgain: true)
        put(now, reference)
        // A change that was refused, or blocked because drift could not be corrected, is judged again.
        if blocked[reference] != nil { toJudge.objects.insert(reference) }
        if isEdited(now, reference) {
          // Another writer, such as a webhook, changes the object; each state is corrected only once.
          driftConflicts[reference] = DriftConflict(fields: EditableFields(now))
          logger.warning("drift.conflict", metadata: ["object": "\(reference)"])
        }
        // Only the stamp's key has changed.
        if isAsGitSays { continue }
        logger.notice(
          "drift.corrected", metadata: ["object": "\(reference)", "commit": "\(origin.commit.prefix(7))"])
        await delegate.driftCorrected(live, origin.path)
      } catch  where !error.isTransient && ![.notFound, .unauthorized].contains(error.kind) {
        // The judgement reports the refusal, and a later commit can still change the object.
        driftConflicts[reference] = DriftConflict(
          fields: EditableFields(live), applied: DriftConflict.Applied(document: document, origin: origin))
        toJudge.objects.insert(reference)
        logger.warning("drift.refused", metadata: ["object": "\(reference)", "error": "\(error)"])
      } catch {
        // Do not judge the object: the baseline would be the edited state.
        drifted.insert(reference)
        isRetrying = true
        if error.kind != .conflict {
          logger.warning("drift.stays", metadata: ["object": "\(reference)", "error": "\(error)"])
        }
      }
    }
  }
}
