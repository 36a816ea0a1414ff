import ClusterAPI
import FoundationEssentials
import KubeDirector
import Kubernetes
import StatusWriter

extension Backend {
  /// What statuses call the cluster, so that another one does not overwrite them.
  ///
  /// An embedded cluster that was deleted and made anew in the same folder has another id and the same place.
  ///
  /// - Parameters:
  ///   - id: the cluster's, from `StampKey.clusterID`.
  ///   - name: what a Kubernetes is called, for people.
  func owner(id: String, name: String) -> StatusOwner {
    guard case .embedded(let cluster) = self else { return StatusOwner(id: id, name: name) }
    let folder = URL(filePath: cluster.directory).resolvingSymlinksInPath()
    return StatusOwner(
      id: id, name: "embedded cluster \(folder.lastPathComponent) on \(LeaderIdentity.host)",
      place: Digest.short("\(Self.machine)\n\(folder.path)"))
  }

  /// Tells this machine from others; host names alone are often the same.
  private static var machine: String {
    let id = FileManager.default.contents(atPath: "/etc/machine-id").map {
      String(decoding: $0, as: UTF8.self)
    }
    return "\(LeaderIdentity.host)\n\(id ?? "")"
  }
}
