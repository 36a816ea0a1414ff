import ClusterAPI
import Upgrade

/// A pod as last observed, with the values that the engine needs. They are parsed once per change, because a cluster
/// is reconciled many times before any one of its pods changes.
struct KnownPod: Sendable {
  let object: Object
  let uid: String
  /// The uids of the pod's owners.
  let owners: [String]
  let observation: PodObservation

  init(_ object: Object) {
    self.object = object
    uid = object.uid
    owners = object.owners.map(\.uid)
    observation = PodObservation(object)
  }
}
