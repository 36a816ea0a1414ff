import Diagnostics
import KubeDirector
import Values

/// What a daemon writes down of itself beside the cluster, for people who look while it is gone.
public struct DaemonRecord: Sendable, Hashable {
  /// When it was last known to run; this and the others in whole seconds since 1970.
  public var seen: Int
  /// When it last fetched from the repository.
  public var fetched: Int?
  /// When its status in git was last brought up to date.
  public var written: Int?
  /// Why the last fetch or the last write failed; nil after a success.
  public var problem: String?

  public init(seen: Int, fetched: Int? = nil, written: Int? = nil, problem: String? = nil) {
    (self.seen, self.fetched, self.written, self.problem) = (seen, fetched, written, problem)
  }

  /// The longest record that is read, in bytes.
  public static let sizeLimit = 4096

  public var json: JSON {
    var out: JSON = ["schemaVersion": 1, "seen": .string(Timestamp.text(seen))]
    out["fetched"] = fetched.map { .string(Timestamp.text($0)) }
    out["written"] = written.map { .string(Timestamp.text($0)) }
    out["problem"] = problem.map { .string(clean($0)) }
    return out
  }

  /// Nil for what is no record.
  public init?(_ bytes: [UInt8]) {
    guard bytes.count <= Self.sizeLimit, let json = try? JSON.parse(bytes),
      json["schemaVersion"]?.integer == 1, let seen = json["seen"]?.string.flatMap(Timestamp.seconds)
    else { return nil }
    self.init(
      seen: seen, fetched: json["fetched"]?.string.flatMap(Timestamp.seconds),
      written: json["written"]?.string.flatMap(Timestamp.seconds),
      problem: json["problem"]?.string.map { clean($0) })
  }
}

/// Whether a daemon keeps a cluster as git says, as far as can be told from outside.
public struct DaemonState: Sendable, Hashable {
  public enum Life: Sendable, Hashable {
    case running
    /// With when it was last known to run, in whole seconds since 1970; nil where that was never.
    case notRunning(lastSeen: Int?)
    /// With the reason, as it follows a colon.
    case unknown(String)
  }

  public var life: Life
  /// When it last fetched, in whole seconds since 1970; nil where that is not known.
  public var fetched: Int?
  /// When its status in git was last brought up to date; nil where that is not known.
  public var written: Int?
  /// Why its last fetch or write failed; nil where that is not known.
  public var problem: String?

  public init(_ life: Life, _ record: DaemonRecord? = nil) {
    self.life = life
    (fetched, written, problem) = (record?.fetched, record?.written, record?.problem)
  }

  /// True where it is known that nothing goes on.
  public var isDead: Bool { if case .notRunning = life { true } else { false } }

  /// For programs. What is not known is absent.
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
