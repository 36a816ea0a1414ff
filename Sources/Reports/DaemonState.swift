import Diagnostics
import KubeDirector
import Values

/// A daemon's record of its own activity, stored beside the cluster for status queries while the daemon is
/// not running.
public struct DaemonRecord: Sendable, Hashable {
  /// When the daemon was last known to run; this and the other times are in whole seconds since 1970.
  public var seen: Int
  /// When the daemon last fetched from the repository.
  public var fetched: Int?
  /// When the daemon's status in git was last updated.
  public var written: Int?
  /// Why the last fetch or write failed; nil after a success.
  public var problem: String?

  /// The commit that the daemon has reconciled: a pass has applied all of it that is not blocked.
  public var applied: String?
  /// The last requests to fetch that the daemon has answered, oldest first; nil if it is of an older version, which
  /// reports neither these nor `applied`.
  public var synced: [SyncID]?

  public init(
    seen: Int, fetched: Int? = nil, written: Int? = nil, problem: String? = nil, applied: String? = nil,
    synced: [SyncID]? = nil
  ) {
    (self.seen, self.fetched, self.written, self.problem) = (seen, fetched, written, problem)
    (self.applied, self.synced) = (applied, synced)
  }

  /// The maximum number of answered requests in a record.
  public static let syncLimit = 16

  /// The longest record that is read, in bytes.
  public static let sizeLimit = 4096

  public var json: JSON {
    var out: JSON = ["schemaVersion": 1, "seen": .string(Timestamp.text(seen))]
    out["fetched"] = fetched.map { .string(Timestamp.text($0)) }
    out["written"] = written.map { .string(Timestamp.text($0)) }
    out["problem"] = problem.map { .string(clean($0)) }
    out["applied"] = applied.map { .string(clean($0)) }
    out["synced"] = synced.map { .array($0.map { .string($0.text) }) }
    return out
  }

  /// Parses a record; nil if the bytes are not a valid record.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.sizeLimit, let json = try? JSON.parse(bytes),
      json["schemaVersion"]?.integer == 1, let seen = json["seen"]?.string.flatMap(Timestamp.seconds)
    else { return nil }
    self.init(
      seen: seen, fetched: json["fetched"]?.string.flatMap(Timestamp.seconds),
      written: json["written"]?.string.flatMap(Timestamp.seconds),
      problem: json["problem"]?.string.map { clean($0) },
      applied: json["applied"]?.string.map { clean($0) },
      synced: json["synced"]?.array.map { ids in
        ids.suffix(Self.syncLimit).compactMap { id in id.string.flatMap { SyncID($0) } }
      })
  }
}

/// Whether a daemon is reconciling a cluster with git, as far as an outside observer can determine.
public struct DaemonState: Sendable, Hashable {
  public enum Life: Sendable, Hashable {
    case running
    /// No daemon runs; with the time when it was last known to run, in whole seconds since 1970, or nil if it never
    /// ran.
    case notRunning(lastSeen: Int?)
    /// Unknown; has the reason, worded to follow a colon.
    case unknown(String)
  }

  public var life: Life
  /// When the daemon last fetched, in whole seconds since 1970; nil if unknown.
  public var fetched: Int?
  /// When the daemon's status in git was last updated; nil if unknown.
  public var written: Int?
  /// Why the daemon's last fetch or write failed; nil if unknown.
  public var problem: String?
  /// The time in the daemon's record. It is only compared for equality: a new value is a later sign of life.
  public var seen: Int?
  /// The commit that the daemon has reconciled; nil if unknown.
  public var applied: String?
  /// The requests to fetch that the daemon has answered; nil if it does not report them.
  public var synced: [SyncID]?
  /// On Kubernetes, the last request to fetch on the Lease; nil if there is none or it is unknown.
  public var requested: SyncID?

  public init(_ life: Life, _ record: DaemonRecord? = nil, requested: SyncID? = nil) {
    self.life = life
    self.requested = requested
    (fetched, written, problem) = (record?.fetched, record?.written, record?.problem)
    (seen, applied, synced) = (record?.seen, record?.applied, record?.synced)
  }

  /// True if the daemon is of a version that does not answer requests to fetch.
  public var isOlder: Bool { seen != nil && synced == nil }

  /// True if the daemon is known not to run.
  public var isDead: Bool { if case .notRunning = life { true } else { false } }

  /// The form for programs. Unknown values are omitted.
  public var json: JSON {
    var out: JSON = [:]
    switch life {
    case .running: out["state"] = "running"
    case .notRunning(let seen):
      out["state"] = "notRunning"
      out["lastSeen"] = seen.map { .string(Timestamp.text($0)) }
    case .unknown(let reason):
      out["state"] = "unknown"
      out["reason"] = .string(reason)
    }
    out["lastFetch"] = fetched.map { .string(Timestamp.text($0)) }
    out["lastWrite"] = written.map { .string(Timestamp.text($0)) }
    out["problem"] = problem.map(JSON.string)
    return out
  }
}
