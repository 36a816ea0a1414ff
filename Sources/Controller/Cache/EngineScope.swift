import ClusterAPI
import KubeDirector

/// Which objects belong to this engine, and which of them come from git.
struct EngineScope: Sendable {
  /// The namespace of the apps of the catalog `system`.
  let systemNamespace: String
  /// The name of this installation. Clusters with another installation's label are ignored. A cluster without the
  /// label is ignored too, unless it has a valid stamp: then the label was removed from a cluster of this
  /// installation.
  let installation: String?
  let stamp: Stamp
  let isTenant: @Sendable (String) -> Bool

  func manages(_ cluster: Object) -> Bool {
    guard isTenant(cluster.namespace) else { return false }
    guard let installation else { return true }
    guard let owner = cluster.label(Wire.Label.source) else {
      return cluster.annotation(Wire.Annotation.stamp) != nil
    }
    return owner == installation
  }

  /// Whether an app came from git and differs from git. Until it is restored, the last version from git applies.
  func isEdited(_ app: Object, since known: KnownApp?) -> Bool {
    if let installation, app.label(Wire.Label.source) == installation { return true }
    if app.annotation(Wire.Annotation.stamp) != nil { return true }
    guard let known else { return false }
    return known.isStamped && known.uid == app.uid
  }
}
