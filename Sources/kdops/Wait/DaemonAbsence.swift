import Reports

/// Decides from repeated observations that no daemon runs, and that none is about to take over.
struct DaemonAbsence {
  private let patience: Duration
  private var since: ContinuousClock.Instant?

  /// - Parameter patience: How long a daemon may be absent, so that another replica can take over.
  init(patience: Duration) { self.patience = patience }

  /// An embedded cluster has one daemon, so that none takes over.
  init(_ source: ClusterSource) { self.init(patience: source.isRemote ? .seconds(30) : .zero) }

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
