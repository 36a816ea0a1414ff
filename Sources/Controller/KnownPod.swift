import ClusterAPI
import Upgrade

/// A pod as it was told of last, with what the engine wants to know of it. Read out of the object once: a cluster is
/// looked at many times before any one of its pods changes.
struct KnownPod: Sendable {
  let object: Object
  let uid: String
  /// The uids of those that it belongs to.
  let owners: [String]
  let observation: PodObservation

  init(_ object: Object) {
    self.object = object
    uid = object.uid
    owners = object.owners.map(\.uid)
    observation = PodObservation(object)
  }
}
