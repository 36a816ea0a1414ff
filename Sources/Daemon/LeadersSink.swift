import StatusWriter

/// Writes status only for as long as this daemon leads: what a former leader still has to say is old.
struct LeadersSink: StatusSink {
  let sink: any StatusSink
  let leads: @Sendable () -> Bool

  func publish(_ batch: StatusBatch) async throws {
    guard leads() else { return }
    try await sink.publish(batch)
  }
}
