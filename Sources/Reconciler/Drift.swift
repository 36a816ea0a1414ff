import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Rules
import StatusWriter
import Values

/// One live object, when it was last as we applied it.
struct Vouched: Hashable {
  /// Another object of the same name is none of ours.
  var uid: String
  var origin: Provenance

  /// Nil where the object does not say where it came from.
  init?(_ object: Object) {
    guard let origin = Provenance(of: object) else { return nil }
    uid = object.uid
    self.origin = origin
  }
}

/// What of an object somebody could edit.
struct Essence: Hashable {
  private var spec: JSON?
  private var labels: JSON?
  private var annotations: JSON?

  init(_ object: Object) {
    spec = object.json["spec"]
    labels = object.json["metadata"]?["labels"]
    annotations = object.json["metadata"]?["annotations"]
  }
}

// Somebody edits, in the cluster, what came from git: it is put back.
extension Reconciler {
  /// Takes in what a write of ours gave back.
  func put(_ object: Object, _ reference: ObjectReference) {
    vouched[reference] = Vouched(object)
    resisting[reference] = nil
    living.put(object)
  }

  /// Notes what a change of a live object means for us.
  ///
  /// - Parameter before: the apps that it was concerned with until then.
  func touch(_ reference: ObjectReference, before: Set<String> = []) {
    seen.insert(reference)
    meanwhile?[reference, default: []].formUnion(before)
    judgeAgain(after: reference, before: before)
    guard let object = living.objects[reference] else {
      vouched[reference] = nil
      resisting[reference] = nil
      // What was rejected was rejected as a change of the object that is no more.
      if held[reference]?.verdict != .orphaned, desired.snapshot.holds(reference) {
        toJudge.objects.insert(reference)
      }
      return
    }
    lookForEdits(object, reference)
  }

  /// Notes whether an object of ours is to be put back.
  func lookForEdits(_ object: Object, _ reference: ObjectReference) {
    guard !object.isBeingDeleted, isOurs(object) || isStray(object, reference) else { return }
    if !isEdited(object, reference) {
      vouched[reference] = Vouched(object)
      // Somebody has put it back himself; what is said of it may no longer hold.
      if resisting.removeValue(forKey: reference) != nil, held[reference] != nil {
        toJudge.objects.insert(reference)
      }
    } else if resisting[reference]?.essence != Essence(object) {
      drifted.insert(reference)
    }
  }

  private func isOurs(_ object: Object) -> Bool {
    object.label(Wire.Label.source) == settings.policy.installation
  }

  /// An object of ours from which somebody took the label off. Where git does not hold it any more, that releases it.
  private func isStray(_ object: Object, _ reference: ObjectReference) -> Bool {
    object.label(Wire.Label.source) == nil && desired.snapshot.holds(reference)
      && (vouched[reference]?.uid == object.uid || stamp.holds(object.json))
  }

  /// Whether an object of ours is not as we applied it. A copy of what it once was has a stamp as well.
  private func isEdited(_ object: Object, _ reference: ObjectReference) -> Bool {
    guard isOurs(object), stamp.holds(object.json), let now = Vouched(object) else { return true }
    if let known = vouched[reference], known.uid == now.uid, known != now { return true }
    // Labels and annotations are not in the stamp; where the head has the very file, it says what they were.
    guard let source = desired.source(of: reference), source.path.isExactly(now.origin.path),
      desired.blob(at: source.path)?.hex == now.origin.blob, let metadata = desired.metadata(of: reference)
    else { return false }
    return !Applier.carries(metadata, object)
  }

  /// An object as the file has it that it was applied from; nil where that cannot be read.
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

  /// Puts objects back that someone edited: what was applied is known by its blob, whatever the head says by now.
  func putBack(in repository: GitRepository) async {
    for reference in drifted {
      drifted.remove(reference)
      guard let live = living.objects[reference], isEdited(live, reference) else { continue }
      let known = vouched[reference].flatMap { $0.uid == live.uid ? $0.origin : nil }
      guard let origin = known ?? Provenance(of: live),
        let document = await document(of: reference, from: origin, in: repository)
      else {
        // Nobody knows what it was; the head is held against what it is.
        resisting[reference] = Resistance(essence: Essence(live))
        if held[reference] == nil, desired.snapshot.holds(reference) { toJudge.objects.insert(reference) }
        logger.warning("drift.unknown", metadata: ["object": "\(reference)"])
        continue
      }
      do throws(APIError) {
        let isAsGitSays =
          document["spec"] == live.json["spec"] && origin == Provenance(of: live) && isOurs(live)
          && desired.metadata(of: reference).map { Applier.carries($0, live) } ?? true
        let now = try await applier.apply(document, over: live, origin, isAgain: true)
        put(now, reference)
        // What was refused, or kept because nobody could put it back, is looked at again.
        if held[reference] != nil { toJudge.objects.insert(reference) }
        if isEdited(now, reference) {
          // Somebody, such as a webhook, has it otherwise; each state is put back once.
          resisting[reference] = Resistance(essence: Essence(now))
          logger.warning("drift.resists", metadata: ["object": "\(reference)"])
        }
        // Only the key is another one.
        if isAsGitSays { continue }
        logger.notice(
          "drift.mended", metadata: ["object": "\(reference)", "commit": "\(origin.commit.prefix(7))"])
        await outlets.putBack(live, origin.path)
      } catch  where !error.isTransient && ![.notFound, .unauthorized].contains(error.kind) {
        // Said by whoever judges it; and what a later commit wants of it has its turn.
        resisting[reference] = Resistance(
          essence: Essence(live), applied: Resistance.Applied(document: document, origin: origin))
        toJudge.objects.insert(reference)
        logger.warning("drift.refused", metadata: ["object": "\(reference)", "error": "\(error)"])
      } catch {
        // Not judged: the base would be what somebody made of it.
        drifted.insert(reference)
        isRetrying = true
        if error.kind != .conflict {
          logger.warning("drift.stays", metadata: ["object": "\(reference)", "error": "\(error)"])
        }
      }
    }
  }
}
