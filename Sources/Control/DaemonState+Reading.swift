import Reports
import Values

// Detects whether the daemon of an embedded cluster runs, by its socket.
extension DaemonState {
  /// The state of the daemon of the embedded cluster in a folder.
  public static func embedded(below cluster: String) async -> DaemonState {
    do throws(ControlError) {
      let folder = try ControlFolder(below: cluster, making: false)
      let record = folder.read(recordName, limit: DaemonRecord.sizeLimit).flatMap(DaemonRecord.init)
      let isRunning = try await ControlSocket.isServed(in: folder)
      return DaemonState(isRunning ? .running : .notRunning(lastSeen: record?.seen), record)
    } catch {
      return DaemonState(error.isNotRunning ? .notRunning(lastSeen: nil) : .unknown(error.description))
    }
  }

  private static let recordName = "daemon.json"

  /// Returns a function with which the daemon of an embedded cluster stores the record that `embedded` reads.
  ///
  /// - Throws: `ControlError` if the folder cannot be created.
  public static func recorder(
    below cluster: String
  ) throws(ControlError) -> @Sendable (DaemonRecord) -> Void {
    let folder = try ControlFolder(below: cluster, making: true)
    return { record in folder.write(Array(record.json.text().utf8), to: recordName) }
  }
}
