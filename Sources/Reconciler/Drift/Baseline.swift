import ClusterAPI
import Diagnostics
import KubeDirector
import Rules

// The baseline that changes are judged against.
extension Reconciler {
  /// The baseline and the live state for a judgement. The baseline is the state that was applied. For a drift
  /// conflict that the cluster refuses to correct, it is the state from before the edit. For an object to adopt, it
  /// is the live object, as if kdops had applied it.
  func baseline(of objects: Set<ObjectReference>) -> (base: Snapshot, live: LiveView) {
    var (base, live) = (liveState.applied, liveState.view)
    for reference in objects {
      guard let object = liveState.objects[reference] else { continue }
      if isAdopted(reference) { liveState.copy(object, to: &base) }
      guard let applied = drift.refusedState(of: reference) else { continue }
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

  /// Whether the live object was made from the same blob that the head has.
  func isInSync(_ object: ObjectReference) -> Bool {
    guard let live = liveState.objects[object], let path = desired.source(of: object)?.path,
      let blob = desired.blob(at: path), desired.snapshot.sources(of: object).count == 1
    else { return false }
    return live.annotation(Wire.Annotation.blob) == blob.hex && liveState.applied.holds(object)
  }
}
