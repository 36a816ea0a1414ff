import ClusterAPI
import DesiredState
import Diagnostics
import GitStore
import KubeDirector
import Rules
import Values

/// An object that git has at the head.
struct DesiredObject {
  struct File {
    var path: String
    var blob: ObjectID?
    var metadata: Metadata
  }

  /// Nil if the object fails its schema.
  var file: File?
}

extension DesiredState {
  /// The object in the head; nil if no file contains it.
  func object(_ reference: ObjectReference) -> DesiredObject? {
    guard snapshot.holds(reference) else { return nil }
    guard let path = source(of: reference)?.path, let metadata = metadata(of: reference) else {
      return DesiredObject()
    }
    return DesiredObject(file: DesiredObject.File(path: path, blob: blob(at: path), metadata: metadata))
  }
}

/// Compares live objects with what this installation applied, and records which of them differ.
struct DriftState {
  /// The result of comparing a live object with what was applied.
  enum Observation: Hashable {
    /// The object is not this installation's, or is being deleted.
    case foreign
    /// The object is as it was applied. `endsConflict` is true if its drift could not be corrected before.
    case inSync(endsConflict: Bool)
    /// The object was edited; its correction is pending.
    case drifted
    /// The object was edited, and correcting this state has failed before.
    case conflict
  }

  private let installation: String
  private let stamp: Stamp
  /// Each live object in the state in which it last matched the applied state.
  private var lastApplied: [ObjectReference: LastApplied] = [:]
  private var conflicts: [ObjectReference: DriftConflict] = [:]
  private var isResyncDue = false
  /// Live objects that differ from what was applied.
  private(set) var drifted: Set<ObjectReference> = []

  init(installation: String, stamp: Stamp) {
    self.installation = installation
    self.stamp = stamp
  }

  // MARK: Observing

  /// Compares a live object with what was applied.
  ///
  /// - Parameter desired: the object in git; nil if git does not have it.
  mutating func observe(_ object: Object, _ desired: DesiredObject?) -> Observation {
    let reference = object.reference
    guard !object.isBeingDeleted, isOwn(object) || isStray(object, desired) else { return .foreign }
    guard isEdited(object, desired) else {
      lastApplied[reference] = LastApplied(object)
      return .inSync(endsConflict: conflicts.removeValue(forKey: reference) != nil)
    }
    guard conflicts[reference]?.fields != EditableFields(object) else { return .conflict }
    drifted.insert(reference)
    return .drifted
  }

  /// Removes the state of an object that no longer exists.
  mutating func forget(_ reference: ObjectReference) {
    lastApplied[reference] = nil
    conflicts[reference] = nil
  }

  private func isOwn(_ object: Object) -> Bool { object.label(Wire.Label.source) == installation }

  /// Whether the source label was removed from an object that git still contains. For an object that git no longer
  /// contains, removing the label releases the object.
  private func isStray(_ object: Object, _ desired: DesiredObject?) -> Bool {
    object.label(Wire.Label.source) == nil && desired != nil
      && (lastApplied[object.reference]?.uid == object.uid || stamp.holds(object.json))
  }

  /// Whether an object of this installation differs from what was applied. A valid stamp is not enough: a copy of an
  /// earlier state has one as well.
  func isEdited(_ object: Object, _ desired: DesiredObject?) -> Bool {
    guard isOwn(object), stamp.holds(object.json), let now = LastApplied(object) else { return true }
    if let known = lastApplied[object.reference], known.uid == now.uid, known != now { return true }
    // The stamp does not cover labels and annotations. If the head has the same file, the file shows what they were.
    guard let file = desired?.file, file.path.isExactly(now.origin.path), file.blob?.hex == now.origin.blob
    else {
      return false
    }
    return !Applier.carries(file.metadata, object)
  }

  // MARK: Writes of this daemon

  /// Call this before a write. If the write gets no answer, the next observed state may be the old or the new one.
  mutating func willWrite(_ reference: ObjectReference) { lastApplied[reference] = nil }

  /// Call this with the object that a write returned.
  mutating func wrote(_ object: Object) {
    lastApplied[object.reference] = LastApplied(object)
    conflicts[object.reference] = nil
  }

  // MARK: Correction

  /// Begins the correction of an object.
  mutating func beginCorrection(of reference: ObjectReference) { drifted.remove(reference) }

  /// The provenance of the state to restore: as last applied or, if that is unknown, from the object's annotations.
  func origin(of live: Object) -> Provenance? {
    if let known = lastApplied[live.reference], known.uid == live.uid { return known.origin }
    return Provenance(of: live)
  }

  /// Whether a correction changes no field that git has, only the stamp, because the stamp's key has changed.
  func isOnlyRestamped(
    _ live: Object, to document: JSON, _ origin: Provenance, _ desired: DesiredObject?
  ) -> Bool {
    document["spec"] == live.json["spec"] && origin == Provenance(of: live) && isOwn(live)
      && (desired?.file).map { Applier.carries($0.metadata, live) } ?? true
  }

  /// Ends a correction that was written.
  ///
  /// - Returns: false if another writer, such as a webhook, has changed the object again; each state is corrected only
  ///   once.
  mutating func corrected(_ now: Object, _ desired: DesiredObject?) -> Bool {
    wrote(now)
    guard isEdited(now, desired) else { return true }
    conflicts[now.reference] = DriftConflict(fields: EditableFields(now))
    return false
  }

  /// Ends a correction for which the applied state is unknown.
  mutating func cannotCorrect(_ live: Object) {
    conflicts[live.reference] = DriftConflict(fields: EditableFields(live))
  }

  /// Ends a correction that the cluster refused; the applied state remains the baseline.
  mutating func refused(_ live: Object, to document: JSON, _ origin: Provenance) {
    conflicts[live.reference] = DriftConflict(
      fields: EditableFields(live), applied: DriftConflict.Applied(document: document, origin: origin))
  }

  /// Ends a correction that got no answer; it is tried again.
  mutating func unanswered(_ reference: ObjectReference) { drifted.insert(reference) }

  /// The applied state of an object whose correction the cluster refused.
  func refusedState(of reference: ObjectReference) -> DriftConflict.Applied? { conflicts[reference]?.applied }

  /// Whether the cluster refuses to correct the drift of an object.
  func isRefused(_ reference: ObjectReference) -> Bool { refusedState(of: reference) != nil }

  // MARK: Resync

  mutating func requestResync() { isResyncDue = true }

  /// Whether a resync was requested; the request is then fulfilled.
  mutating func takeResync() -> Bool {
    defer { isResyncDue = false }
    return isResyncDue
  }

  /// Clears the drift conflicts, so that every correction is tried again.
  mutating func retryConflicts() { conflicts = [:] }
}
