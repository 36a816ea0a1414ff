import ClusterAPI
import Diagnostics
import KubeDirector
import Rules
import Values

/// The apps and clusters that live, as the rules want them: a value that is cheap to copy and to change in one place.
public struct LivingObjects: Sendable {
  private(set) var snapshot = Snapshot()
  private(set) var view = LiveView(source: .cluster)

  public init() {}

  /// Takes an app or a cluster in, as the server has it; anything else is left out.
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

  /// Those of a kind, in one namespace or in all.
  func references(_ resource: Resource, in namespace: String?) -> [ObjectReference] {
    snapshot.references.filter {
      $0.kind == resource.kind && (namespace == nil || $0.namespace == namespace)
    }
  }

  /// No engine acts on a cluster that was made by hand. Without a status nothing is known of its members, and there is
  /// nothing to wait for; and only an engine of ours says which generation it has seen.
  private mutating func hold(_ reference: ObjectReference, _ cluster: Cluster, status: ClusterStatus?) {
    let isManaged = cluster.metadata.labels[Wire.Label.source] != nil
    guard isManaged || status != nil else { return view.drop(reference) }
    view.hold(reference, status: status, generation: isManaged ? cluster.metadata.generation : nil)
  }
}
