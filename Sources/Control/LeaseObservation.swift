import ClusterAPI
import KubeDirector
import Reports
import Values

/// Detects from repeated reads of an installation's Lease whether a daemon runs.
///
/// The rule is that of leader election: a Lease that has not changed for its duration has no leader. The duration is
/// measured with this machine's monotonic clock. The times in the Lease come from another machine's clock. They are
/// used only until the Lease was read often enough, and only if the two clocks seem to agree.
public struct LeaseObservation: Sendable {
  private struct Version: Hashable {
    var uid: String
    var holder: String
    var renewed: String
  }

  private struct Seen {
    var version: Version
    /// When the Lease was first read in this version.
    var since: ContinuousClock.Instant
    /// Whether an earlier read found another version of the Lease. If so, the holder was alive when this version was
    /// written.
    var hasChanged: Bool
  }

  private var seen: Seen?

  public init() {}

  /// How long past its duration a Lease must be unchanged before its holder counts as gone: a read may take some time.
  private static let slack = Duration.seconds(2)

  /// By how many seconds two clocks that agree may differ.
  private static let clockTolerance = 12

  /// Takes one read.
  ///
  /// - Parameters:
  ///   - lease: nil if there is none.
  ///   - now: when it was read, by the monotonic clock.
  ///   - wall: the same by the wall clock, in whole seconds since 1970.
  public mutating func state(
    of lease: Object?, at now: ContinuousClock.Instant, wall: Int
  ) -> DaemonState {
    guard let lease else {
      seen = nil
      return DaemonState(.notRunning(lastSeen: nil))
    }
    return DaemonState(
      life(of: lease, at: now, wall: wall),
      lease.annotation(Wire.Annotation.activity).flatMap { DaemonRecord(Array($0.utf8)) },
      requested: lease.annotation(Wire.Annotation.sync).map { SyncID(annotation: $0) })
  }

  private mutating func life(
    of lease: Object, at now: ContinuousClock.Instant, wall: Int
  ) -> DaemonState.Life {
    let spec = lease.json["spec"]
    guard let text = spec?["renewTime"]?.string, let renewed = Timestamp.seconds(text) else {
      seen = nil
      return .unknown("the Lease \(lease.objectName) does not say when it was renewed")
    }
    guard let holder = spec?["holderIdentity"]?.string, !holder.isEmpty else {
      seen = nil
      return .notRunning(lastSeen: renewed)
    }
    let current = observe(Version(uid: lease.uid, holder: holder, renewed: text), at: now)
    let duration = min(max(spec?["leaseDurationSeconds"]?.integer ?? 0, 1), 3600)
    let limit = Duration.seconds(duration) + Self.slack
    if now - current.since >= limit { return .notRunning(lastSeen: renewed) }
    let age = wall - renewed
    if current.hasChanged || abs(age) <= duration + Self.clockTolerance { return .running }
    let words = age < 0 ? "\(-age) s ahead of" : "\(age) s ago by"
    return .unknown(
      "the Lease \(lease.objectName) was last renewed at \(Timestamp.text(renewed)), \(words) this machine's clock: its "
        + "holder has ended, or the clocks differ; kdops status --watch shows which within \(duration + 2) s")
  }

  private mutating func observe(_ version: Version, at now: ContinuousClock.Instant) -> Seen {
    if let seen, seen.version == version { return seen }
    let current = Seen(version: version, since: now, hasChanged: seen != nil)
    seen = current
    return current
  }
}
