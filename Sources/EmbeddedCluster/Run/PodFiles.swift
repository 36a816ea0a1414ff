import ClusterAPI

/// The folders of pods, on threads that may block. The work on one pod's folders is done in order, one at a time.
struct PodFiles: Sendable {
  let folders: PodFolders
  let trash: TrashRemover
  let reserved = ReservedContainers()
  private let pool = BlockingPool()

  init(_ folders: PodFolders) {
    self.folders = folders
    trash = TrashRemover { folders.emptyTrash() }
  }

  /// - Parameter pod: the pod's uid.
  func run<Value: Sendable>(
    for pod: String, _ work: @escaping @Sendable (PodFolders) throws -> Value
  ) async throws -> Value {
    let folders = folders
    return try await pool.run(key: pod) { try work(folders) }
  }

  /// Removes folders and processes that belong to no current pod or container, and watches the commands that still
  /// run.
  ///
  /// - Returns: the containers whose commands were killed together with an earlier daemon.
  func sweep(_ current: PodFolders.Inventory, _ watch: ResourceWatch) async throws -> Set<String> {
    let (dead, running) = try await run(for: "") { folders in
      (try folders.sweep(current), folders.adoptable())
    }
    await withTaskGroup { group in
      for command in running {
        group.addTask { watch.add(command, await watch.baseline(of: command.record.measured)) }
      }
    }
    await trash.wake()
    return dead
  }

  func removeVolume(of claim: ObjectName) async throws {
    try await run(for: "volume \(claim)") { try $0.removeVolume(claim) }
    await trash.wake()
  }
}
