import Glibc

extension EmbeddedCluster {
  /// Ends every command that runs in the containers of a cluster, and deletes the cluster's folder with its
  /// content.
  ///
  /// For a cluster that is no longer needed. The cluster must not be running.
  ///
  /// - Returns: false if part of the folder could not be removed.
  @discardableResult
  public static func throwAway(_ directory: String) async -> Bool {
    let folders = PodFolders(directory: directory, owner: nil)
    let files = BlockingPool(width: 1)
    try? await files.run(key: "") {
      for container in (try? SafeFolder.names(in: "\(directory)/run")) ?? [] { try? folders.end(container) }
      // Step by step, because scripts wrote to folders in it.
      if try OpenFolder(directory).removeContents() { rmdir(directory) }
    }
    return SafeFolder.kind(directory) == nil
  }
}
