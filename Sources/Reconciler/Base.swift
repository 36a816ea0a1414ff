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
  func ground(of objects: Set<ObjectReference>) -> (base: Snapshot, live: LiveView) {
    var (base, live) = (living.applied, living.view)
    if resisting.isEmpty { return (base, live) }
    for reference in objects {
      guard let object = living.objects[reference], let applied = resisting[reference]?.applied else {
        continue
      }
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
}
