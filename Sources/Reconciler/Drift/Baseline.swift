import ClusterAPI
import Diagnostics
import KubeDirector
import Rules
import Values

/// A drift conflict: a live object that could not be restored to what was applied.
struct DriftConflict {
  /// The object's editable fields at that time; a different state is a new drift.
  var fields: EditableFields
  /// The state that was applied, if the cluster refuses to restore it.
  var applied: Applied?

  struct Applied {
    var document: JSON
    var origin: Provenance
  }
}

// The baseline that changes are judged against.
extension Reconciler {
  /// The baseline and the live state for a judgement. The baseline is what was applied. For a drift conflict that the
  /// cluster refuses to correct, it is the state from before the edit. For an object to adopt, it is the live object,
  /// as if kdops had applied it.
  func baseline(of objects: Set<ObjectReference>) -> (base: Snapshot, live: LiveView) {
    var (base, live) = (liveState.applied, liveState.view)
    for reference in objects {
      guard let object = liveState.objects[reference] else { continue }
      if isAdopted(reference) { liveState.copy(object, to: &base) }
      guard let applied = driftConflicts[reference]?.applied else { continue }
      base.remove(reference, from: object.annotation(Wire.Annotation.path))
      if reference.kind == Wire.appKind {
        if let app = App(applied.document) { base.insert(app, from: applied.origin.path) }
      } else {
        if let cluster = Cluster(applied.document) { base.insert(cluster, from: applied.origin.path) }
        // The engine only acts on specs that kdops applied, so it has not observed this spec.
        live.hold(reference, status: liveState.status(of: reference))
      }
    }
    return (base, live)
  }

  /// Whether git asks to adopt an object that has no owner.
  func isAdopted(_ reference: ObjectReference) -> Bool {
    guard let live = liveState.objects[reference], live.label(Wire.Label.source) == nil, !isKept(reference)
    else {
      return false
    }
    return desired.metadata(of: reference)?.annotations[Wire.Annotation.adopt] == "true"
  }

  /// Whether the cluster refuses to correct the drift of this object.
  func isKept(_ reference: ObjectReference) -> Bool { driftConflicts[reference]?.applied != nil }
}
