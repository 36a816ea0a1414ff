import ClusterAPI
import Diagnostics
import KubeDirector
import Rules
import Values

/// A live object that could not be made again what we applied.
struct Resistance {
  /// What it was then; another state of it is another matter.
  var essence: Essence
  /// What we applied, where the cluster refuses to have it back.
  var applied: Applied?

  struct Applied {
    var document: JSON
    var origin: Provenance
  }
}

// What changes are judged against.
extension Reconciler {
  /// What we applied, and what lives: as it is, save where somebody made something else of it that the cluster keeps.
  /// What is to be taken over is held against what it is, as if we had made it.
  func ground(of objects: Set<ObjectReference>) -> (base: Snapshot, live: LiveView) {
    var (base, live) = (living.applied, living.view)
    for reference in objects {
      guard let object = living.objects[reference] else { continue }
      if isAdopted(reference) { living.copy(object, to: &base) }
      guard let applied = resisting[reference]?.applied else { continue }
      base.remove(reference, from: object.annotation(Wire.Annotation.path))
      if reference.kind == Wire.appKind {
        if let app = App(applied.document) { base.insert(app, from: applied.origin.path) }
      } else {
        if let cluster = Cluster(applied.document) { base.insert(cluster, from: applied.origin.path) }
        // The engine looks at no spec but ours, so it will never have seen this one.
        live.hold(reference, status: living.status(of: reference))
      }
    }
    return (base, live)
  }

  /// Whether git asks that an object which nobody owns be taken over.
  func isAdopted(_ reference: ObjectReference) -> Bool {
    guard let live = living.objects[reference], live.label(Wire.Label.source) == nil, !isKept(reference)
    else {
      return false
    }
    return desired.metadata(of: reference)?.annotations[Wire.Annotation.adopt] == "true"
  }

  /// Whether the cluster keeps what somebody made of an object of ours.
  func isKept(_ reference: ObjectReference) -> Bool { resisting[reference]?.applied != nil }
}
