import ClusterAPI
import Diagnostics
import KubeDirector
import Rules
import Values

/// The live apps and clusters in the form that the rules use: a value that is cheap to copy and to change in
/// one place.
public struct LiveSnapshot: Sendable {
  private(set) var snapshot = Snapshot()
  private(set) var view = LiveView(source: .cluster)

  public init() {}

  /// Adds an app or a cluster from the server's JSON; other kinds are ignored.
  public mutating func put(_ object: JSON) {
    if let app = App(object) {
      snapshot.insert(app)
      view.hold(app)
    } else if let cluster = Cluster(object) {
      let reference = ObjectReference.cluster(cluster.metadata.namespace, cluster.metadata.name)
      snapshot.insert(cluster)
      hold(reference, cluster, status: ClusterStatus(object["status"]))
    }
  }

  public mutating func remove(_ reference: ObjectReference) {
    snapshot.remove(reference)
    view.drop(reference)
  }

  public func holds(_ reference: ObjectReference) -> Bool { snapshot.holds(reference) }

  /// Returns the objects of a kind, in one namespace or in all.
  func references(_ resource: Resource, in namespace: String?) -> [ObjectReference] {
    snapshot.references.filter {
      $0.kind == resource.kind && (namespace == nil || $0.namespace == namespace)
    }
  }

  /// The engine does not act on clusters that were created by hand. Without a status nothing is known of a
  /// cluster's members, and there is nothing to wait for; and only the kdops engine reports the observed
  /// generation.
  private mutating func hold(_ reference: ObjectReference, _ cluster: Cluster, status: ClusterStatus?) {
    let isManaged = cluster.metadata.labels[Wire.Label.source] != nil
    guard isManaged || status != nil else { return view.drop(reference) }
    view.hold(reference, status: status, generation: isManaged ? cluster.metadata.generation : nil)
  }
}
