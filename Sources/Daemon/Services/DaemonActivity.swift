import Control
import Diagnostics
import FoundationEssentials
import KubeDirector
import Logging
import Reports
import Synchronization

/// The daemon's last activity, for commands that read it while the daemon runs and afterwards.
public final class DaemonActivity: Sendable {
  private struct State {
    var fetched: Int?
    var written: Int?
    var fetchProblem: String?
    var writeProblem: String?
    var applied: String?
    /// The last ones, oldest first.
    var synced: [SyncID] = []
    var store: (@Sendable (DaemonRecord) -> Void)?
  }

  private let state = Mutex(State())
  private let now: @Sendable () -> Int

  /// - Parameter now: in whole seconds since 1970.
  public init(now: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }) { self.now = now }

  /// Records the end of a fetch, with the error if it failed.
  func fetched(_ problem: String?) {
    change { state, now in
      if problem == nil { state.fetched = now }
      state.fetchProblem = problem.map { "the repository cannot be fetched: \($0)" }
    }
  }

  /// Records the commit that is reconciled now, and the requests to fetch that this answers.
  func reconciled(_ commit: String?, _ requests: [SyncID]) {
    change { state, _ in
      state.applied = commit
      state.synced = Array((state.synced + requests).suffix(DaemonRecord.syncLimit))
    }
  }

  /// Records the end of a status write, with the error if it failed.
  func wrote(_ problem: String?) {
    change { state, now in
      if problem == nil { state.written = now }
      state.writeProblem = problem.map { "its status cannot be written to git: \($0)" }
    }
  }

  /// Records and logs that a status write has failed.
  func failedToWrite(_ problem: String, _ logger: Logger) {
    wrote(problem)
    logger.warning("status.publish.failed", metadata: ["error": "\(problem)"])
  }

  /// Passes the present record and each later change to a store.
  func keep(_ store: @escaping @Sendable (DaemonRecord) -> Void) {
    change { state, _ in state.store = store }
  }

  /// Stores the record again, as a sign that the daemon still runs.
  func beat() { change { _, _ in } }

  var record: DaemonRecord { state.withLock { Self.record(of: $0, now()) } }

  private func change(_ body: (inout State, Int) -> Void) {
    let now = now()
    let (store, record) = state.withLock { state in
      body(&state, now)
      return (state.store, Self.record(of: state, now))
    }
    store?(record)
  }

  private static func record(of state: State, _ now: Int) -> DaemonRecord {
    DaemonRecord(
      seen: now, fetched: state.fetched, written: state.written,
      problem: state.fetchProblem ?? state.writeProblem, applied: state.applied, synced: state.synced)
  }
}

extension DaemonActivity {
  /// The record as a Lease annotation, written with each renewal and without a request of its own.
  var notes: [String: String] { [Wire.Annotation.activity: record.json.text()] }
}

extension Daemon {
  /// The interval of the heartbeat.
  private static let pulse = Duration.seconds(10)

  /// Stores the daemon's last activity, and that it runs, beside the embedded cluster in a folder.
  public func heartbeat(in folder: String) -> BackgroundService {
    BackgroundService("heartbeat", atEnd: { [activity] in activity.beat() }) { [activity, logger] in
      do {
        activity.keep(try DaemonState.recorder(below: folder))
      } catch {
        // If this fails, only `kdops status` lacks the daemon's activity.
        logger.warning("activity.unwritten", metadata: ["error": "\(error)"])
      }
      while !Task.isCancelled {
        guard (try? await Task.sleep(for: Self.pulse)) != nil else { return }
        activity.beat()
      }
    }
  }
}
