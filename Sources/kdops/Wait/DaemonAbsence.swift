import ClusterAPI
import Reports

/// Decides from repeated observations that no daemon runs, and that none is about to take over.
struct DaemonAbsence {
  private let patience: Duration
  private var since: ContinuousClock.Instant?

  /// - Parameter patience: How long a daemon may be absent, so that another replica can take over.
  init(patience: Duration) { self.patience = patience }

  /// An embedded cluster has one daemon, so that none takes over. On Kubernetes, that a Lease is not renewed is known only
  /// after its duration; another replica takes it soon after that.
  init(_ source: ClusterSource) { self.init(patience: source.isRemote ? .seconds(18) : .zero) }

  /// The message about a daemon of an older version, which does not report what it has applied.
  static let olderVersion =
    "the daemon is of an older version, which does not report what it has applied, so this may be the state before its "
    + "last changes; upgrade it to the version of this kdops"

  /// The remediation if no daemon runs. On Kubernetes, a daemon of another installation may run.
  ///
  /// - Parameter lease: The Lease that was read; nil for an embedded cluster.
  static func remedy(_ lease: ObjectName?) -> String {
    let start = "start one with kdops run"
    guard let lease else { return start }
    return "none holds the Lease \(lease); \(start), "
      + "or name another installation with --installation and --system-namespace"
  }

  /// Whether the daemon has been known not to run for long enough.
  mutating func isConfirmed(_ daemon: DaemonState, now: ContinuousClock.Instant) -> Bool {
    guard daemon.isDead else {
      since = nil
      return false
    }
    let began = since ?? now
    since = began
    return now - began >= patience
  }
}
