import FoundationEssentials

extension EmbeddedCluster {
  /// Ends every command that runs in a container of a cluster, and removes its folder with all that is in it.
  ///
  /// For a cluster that nobody wants again. It must not run any more.
  ///
  /// - Returns: false where something of it could not be removed.
  @discardableResult
  public static func throwAway(_ directory: String) async -> Bool {
    let folders = PodFolders(directory: directory, owner: nil)
    let files = BlockingPool(width: 1)
    try? await files.run(key: "") {
      for container in (try? SafeFolder.names(in: "\(directory)/run")) ?? [] { try? folders.end(container) }
      try? FileManager.default.removeItem(atPath: directory)
    }
    // What a script has locked up for itself is removed by who may.
    if SafeFolder.kind(directory) != nil { await HostProcess.remove(directory) }
    return SafeFolder.kind(directory) == nil
  }
}
