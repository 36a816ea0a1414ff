import StatusWriter

/// Writes status only while this daemon leads: pending reports of a former leader are out of date.
struct LeaderOnlySink: StatusSink {
  let sink: any StatusSink
  let leads: @Sendable () -> Bool

  func publish(_ batch: StatusBatch) async throws {
    guard leads() else { return }
    try await sink.publish(batch)
  }
}
