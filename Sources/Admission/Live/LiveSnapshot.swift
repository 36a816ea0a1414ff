import ClusterAPI
import Diagnostics
import KubeDirector
import LiveState
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
    if let value = LiveObject(object) { put(value) }
  }

  mutating func put(_ object: LiveObject) {
    switch object {
    case .app(let app):
      snapshot.insert(app)
      view.hold(app)
    case .cluster(let cluster, let status):
      snapshot.insert(cluster)
      hold(.cluster(cluster.metadata.namespace, cluster.metadata.name), cluster, status: status)
    }
  }

  public mutating func remove(_ reference: ObjectReference) {
    snapshot.remove(reference)
    view.drop(reference)
  }

  public func holds(_ reference: ObjectReference) -> Bool { snapshot.holds(reference) }

  /// Sets the live state of a cluster. A cluster without source label and status was created by hand and is left out:
  /// the engine does not act on it, so none of its changes has to wait. The generation is stored only for managed
  /// clusters, because only the kdops engine reports the observed generation.
  private mutating func hold(_ reference: ObjectReference, _ cluster: Cluster, status: ClusterStatus?) {
    let isManaged = cluster.metadata.labels[Wire.Label.source] != nil
    guard isManaged || status != nil else { return view.drop(reference) }
    view.hold(reference, status: status, generation: isManaged ? cluster.metadata.generation : nil)
  }
}

/// An app or a cluster as the server has it.
enum LiveObject: WatchedValue {
  case app(App)
  case cluster(Cluster, ClusterStatus?)

  init?(_ json: JSON) {
    if let app = App(json) {
      self = .app(app)
    } else if let cluster = Cluster(json) {
      self = .cluster(cluster, ClusterStatus(json["status"]))
    } else {
      return nil
    }
  }

  init?(watched object: Object) { self.init(object.json) }
}
