import ClusterAPI
import KubeDirector
import Reports
import Values

// Detects whether a daemon runs: on an embedded cluster by its socket, on Kubernetes by its Lease.
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

  /// How many seconds past its duration a lease may be unchanged before its holder counts as gone; clocks differ.
  private static let slack = 12

  /// The state of an installation's daemons on Kubernetes.
  ///
  /// - Parameters:
  ///   - lease: nil if there is none.
  ///   - now: in whole seconds since 1970.
  public init(lease: Object?, now: Int) {
    guard let lease else {
      self.init(.notRunning(lastSeen: nil))
      return
    }
    let record = lease.annotation(Wire.Annotation.activity).flatMap { DaemonRecord(Array($0.utf8)) }
    let spec = lease.json["spec"]
    guard let renewed = spec?["renewTime"]?.string.flatMap(Timestamp.seconds) else {
      self.init(.unknown("the Lease \(lease.objectName) does not say when it was renewed"), record)
      return
    }
    let duration = min(max(spec?["leaseDurationSeconds"]?.integer ?? 0, 0), 3600)
    let isHeld = spec?["holderIdentity"]?.string.map { !$0.isEmpty } ?? false
    self.init(
      isHeld && now - renewed <= duration + Self.slack ? .running : .notRunning(lastSeen: renewed), record)
  }
}
