import ClusterAPI
import KubeDirector
import StatusWriter
import Values

// How others see whether a daemon runs: on an embedded cluster by its socket, on a Kubernetes by its Lease.
extension DaemonState {
  /// The state of the daemon on the embedded cluster in a folder.
  public static func embedded(below cluster: String) async -> DaemonState {
    do throws(ControlError) {
      let folder = try ControlFolder(below: cluster, making: false)
      let record = folder.read(recordName, limit: DaemonRecord.sizeLimit).flatMap(DaemonRecord.init)
      let isRunning = try await ControlSocket.isServed(in: folder)
      return DaemonState(isRunning ? .running : .notRunning(lastSeen: record?.seen), record)
    } catch {
      return DaemonState(error.isNobody ? .notRunning(lastSeen: nil) : .unknown(error.description))
    }
  }

  private static let recordName = "daemon.json"

  /// Has an embedded cluster's daemon write down what `embedded` reads, each time that it is called.
  ///
  /// - Throws: `ControlError` where the folder cannot be made.
  public static func recorder(
    below cluster: String
  ) throws(ControlError) -> @Sendable (DaemonRecord) -> Void {
    let folder = try ControlFolder(below: cluster, making: true)
    return { record in folder.write(Array(record.json.text().utf8), to: recordName) }
  }

  /// How much longer than it says a lease may be unchanged before its holder counts as gone, in seconds: clocks differ.
  private static let slack = 12

  /// The state of the daemons of an installation on a Kubernetes.
  ///
  /// - Parameters:
  ///   - lease: nil where there is none.
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
