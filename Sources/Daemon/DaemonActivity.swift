import Diagnostics
import FoundationEssentials
import KubeDirector
import Orders
import StatusWriter
import Synchronization

/// What the daemon did last, for those who look from outside while it runs and afterwards.
public final class DaemonActivity: Sendable {
  private struct State {
    var fetched: Int?
    var written: Int?
    var fetchProblem: String?
    var writeProblem: String?
    var store: (@Sendable (DaemonRecord) -> Void)?
  }

  private let state = Mutex(State())
  private let now: @Sendable () -> Int

  /// - Parameter now: in whole seconds since 1970.
  public init(now: @escaping @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }) { self.now = now }

  /// A fetch has ended; with why it failed.
  func fetched(_ problem: String?) {
    change { state, now in
      if problem == nil { state.fetched = now }
      state.fetchProblem = problem.map { "the repository cannot be fetched: \($0)" }
    }
  }

  /// A status was to be written; with why that failed.
  func wrote(_ problem: String?) {
    change { state, now in
      if problem == nil { state.written = now }
      state.writeProblem = problem.map { "its status cannot be written to git: \($0)" }
    }
  }

  /// Has each change handed over from now on, and what is known already.
  func keep(_ store: @escaping @Sendable (DaemonRecord) -> Void) {
    change { state, _ in state.store = store }
  }

  /// Hands over that the daemon still runs.
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
      problem: state.fetchProblem ?? state.writeProblem)
  }
}

extension DaemonActivity {
  /// As it is noted on the Lease with each renewal, at no request of its own.
  var notes: [String: String] { [Wire.Annotation.activity: record.json.text()] }
}

extension Daemon {
  /// Between two signs of life.
  private static let pulse = Duration.seconds(10)

  /// Writes down beside the embedded cluster in a folder that the daemon runs, and what it did last.
  public func heartbeat(in folder: String) -> Room {
    Room("heartbeat", atEnd: { [activity] in activity.beat() }) { [activity, logger] in
      do {
        activity.keep(try DaemonState.recorder(below: folder))
      } catch {
        // Without it all goes on but what `kdops status` says of the daemon.
        logger.warning("activity.unwritten", metadata: ["error": "\(error)"])
      }
      while !Task.isCancelled {
        guard (try? await Task.sleep(for: Self.pulse)) != nil else { return }
        activity.beat()
      }
    }
  }
}
