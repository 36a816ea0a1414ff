import ClusterAPI
import FoundationEssentials
import KubeDirector
import Kubernetes
import Reports

extension Backend {
  /// The cluster's identity in statuses, so that another cluster does not overwrite them.
  ///
  /// An embedded cluster that was deleted and created again in the same folder has a new id and the same `place`.
  ///
  /// - Parameters:
  ///   - id: the cluster's id, from `StampKey.clusterID`.
  ///   - name: the display name of a Kubernetes cluster.
  func owner(id: String, name: String) -> StatusOwner {
    guard case .embedded(let cluster) = self else { return StatusOwner(id: id, name: name) }
    let folder = URL(filePath: cluster.directory).resolvingSymlinksInPath()
    return StatusOwner(
      id: id, name: "embedded cluster \(folder.lastPathComponent) on \(LeaderIdentity.host)",
      place: Digest.short("\(Self.machine)\n\(folder.path)"))
  }

  /// Identifies this machine; host names alone are often not unique.
  private static var machine: String {
    let id = FileManager.default.contents(atPath: "/etc/machine-id").map {
      String(decoding: $0, as: UTF8.self)
    }
    return "\(LeaderIdentity.host)\n\(id ?? "")"
  }
}
