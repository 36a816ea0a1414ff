/// Decides when the write-ahead log is checkpointed: one checkpoint at a time, after a number of written rows.
struct CheckpointSchedule: Sendable {
  private var rows = 0
  private var isRunning = false

  private static let interval = 2_000

  /// Counts written rows.
  /// - Returns: whether a checkpoint must begin now.
  mutating func wrote(_ count: Int) -> Bool {
    rows += count
    guard rows > Self.interval, !isRunning else { return false }
    (rows, isRunning) = (0, true)
    return true
  }

  mutating func ended() { isRunning = false }
}
