import FoundationEssentials
import Logging
import Values

extension EmbeddedCluster {
  /// Opens or creates the cluster in a folder. This process then has exclusive use of the folder.
  ///
  /// - Parameters:
  ///   - catalog: the images that the node can pull; see `setCatalog`.
  /// - Throws: if the folder is in use or cannot be read, or if the sandbox mode is not available.
  public static func open(
    directory: String, sandbox: SandboxMode, catalog: ImageCatalog, time: ClusterTime = .system,
    logger: Logger,
    options: Options = Options()
  ) async throws(EmbeddedClusterError) -> EmbeddedCluster {
    let directory = URL(fileURLWithPath: directory).standardizedFileURL.path
    if try ClusterFolder(path: directory).prepare() {
      logger.warning(
        "others on this machine could read the embedded cluster until now, with the key of the stamps; it is closed to them",
        metadata: ["directory": "\(directory)"])
    }
    let lock = try lock(directory)
    DescriptorLimit.raise()
    let sandbox = Sandbox(mode: sandbox, limits: options.limits)
    try await sandbox.probe(in: directory, logger: logger)
    let persistence: Persistence
    let objects: [Persistence.Stored]
    let version: Int64
    do {
      persistence = try Persistence(directory: directory)
      (objects, version) = try persistence.load()
    } catch let error as EmbeddedClusterError {
      throw error
    } catch {
      throw EmbeddedClusterError("The embedded cluster in \(directory) cannot be read: \(error)")
    }
    let cluster = EmbeddedCluster(
      directory: directory, lock: lock, persistence: persistence, objects: objects, version: version,
      sandbox: sandbox, catalog: catalog, time: time, logger: logger, options: options)
    try await cluster.sweep()
    return cluster
  }

  /// Locks the folder: only one process can write to it at a time.
  private static func lock(_ directory: String) throws(EmbeddedClusterError) -> FileLock {
    let lock: FileLock?
    do throws(FileLock.Failure) { lock = try FileLock(path: "\(directory)/lock") } catch {
      throw EmbeddedClusterError(error.description)
    }
    guard let lock else {
      throw EmbeddedClusterError(
        "The embedded cluster in \(directory) is in use by another process; stop that one first, or choose another folder"
      )
    }
    return lock
  }

  /// Opens a cluster for reading; another process may be running it.
  public static func openReadOnly(_ directory: String) throws(EmbeddedClusterError) -> EmbeddedReader {
    let directory = URL(fileURLWithPath: directory).standardizedFileURL.path
    try ClusterFolder(path: directory).check()
    return try EmbeddedReader(directory: directory)
  }

  /// Repairs the permissions of a cluster's folder, before anything in it is used.
  ///
  /// - Throws: if users other than its owner can write to it or replace it; the error says what to do.
  public static func check(_ directory: String) throws(EmbeddedClusterError) {
    try ClusterFolder(path: URL(fileURLWithPath: directory).standardizedFileURL.path).check()
  }
}
