import ClusterAPI
import KubeDirector
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
