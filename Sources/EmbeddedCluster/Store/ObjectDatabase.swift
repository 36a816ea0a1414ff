import Values

/// The objects in memory and on disk, and the log of their changes for watches. The log contains only changes that
/// are on disk.
///
/// Belongs to one actor.
struct ObjectDatabase {
  private(set) var store: ObjectStore
  let persistence: Persistence
  private let events: EventLog
  /// The lock on the folder, for the lifetime of the database.
  private let lock: FileLock
  private var checkpoints = CheckpointSchedule()
  private(set) var backoff = WriteBackoff()

  init(_ store: ObjectStore, on persistence: Persistence, events: EventLog, lock: FileLock) {
    self.store = store
    self.persistence = persistence
    self.events = events
    self.lock = lock
  }

  /// Writes the store's changes to disk, and then sends them to the watches.
  /// - Returns: whether a checkpoint must begin now; call `checkpointEnded` when it has ended.
  mutating func save() throws -> Bool {
    let batch = store.batch()
    try persistence.commit(batch)
    backoff.succeeded()
    events.publish(store.committed())
    return checkpoints.wrote(batch.rows.count)
  }

  mutating func checkpointEnded() { checkpoints.ended() }

  /// Delays the next write after a failed one.
  /// - Returns: the time until it.
  mutating func failed(_ reason: String, at now: Duration) -> Duration { backoff.failed(reason, at: now) }

  /// Ends the delay of writes if its time is over.
  /// - Returns: whether it ended now.
  mutating func resume(at now: Duration) -> Bool { backoff.resume(at: now) }

  /// Returns to the state on disk after a failed write. Changes that exist only in memory are discarded, and watches
  /// have to list again.
  mutating func reload() throws {
    let (objects, version) = try persistence.load()
    // Versions continue from the last one in memory: a version that was given out must not be used for another
    // change.
    store = store.reloaded(objects, version: max(version, store.version))
    events.restart(at: store.version)
  }
}
