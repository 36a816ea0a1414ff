import Glibc
import Synchronization

/// One fetch or push: its limits, its socket, and the reason if it was stopped.
///
/// libgit2's calls block and cannot be interrupted, but their socket can be shut down. A watchdog does that
/// if no data is transferred for too long. The call then returns with an error, and the actual reason is
/// stored here.
final class NetworkOperation: Sendable {
  /// The operation that is inside a libgit2 call on this task; libgit2 passes no context to the sockets that
  /// it requests.
  @TaskLocal static var current: NetworkOperation?

  enum Stop: Sendable, Equatable {
    /// No connection was established; has the reason.
    case connect(String)
    case stalled
    case overdue
    case cancelled
    /// The remote redirected to another host.
    case redirect(String)
  }

  let remote: Remote
  private let deadline: ContinuousClock.Instant
  private let state: Mutex<State>

  private struct State {
    var socket: Int32 = -1
    var stop: Stop?
    var lastMove: ContinuousClock.Instant
  }

  init(_ remote: Remote) {
    self.remote = remote
    let now = ContinuousClock.now
    deadline = now + remote.limits.total
    state = Mutex(State(lastMove: now))
  }

  var stopped: Stop? { state.withLock { $0.stop } }

  /// Records a data transfer and restarts the stall limit.
  func moved() { state.withLock { $0.lastMove = .now } }

  /// Ends the operation; the first reason is kept.
  func stop(_ reason: Stop) {
    state.withLock {
      if $0.stop == nil { $0.stop = reason }
      if $0.socket >= 0 { shutdown($0.socket, Int32(SHUT_RDWR)) }
    }
  }

  /// Registers a socket with the watchdog. Returns false if the operation has already ended.
  func attach(_ socket: Int32) -> Bool {
    state.withLock {
      guard $0.stop == nil else { return false }
      $0.socket = socket
      $0.lastMove = .now
      return true
    }
  }

  /// Unregisters the socket before it is closed.
  func detach() { state.withLock { $0.socket = -1 } }

  /// Whether this host is the configured one; otherwise records a redirect.
  func allows(host: String, port: String) -> Bool {
    switch remote.url {
    case .web(let secure, _, let name, let number, _):
      // A server may redirect from http to https, but not to another host.
      if host.lowercased() == name.lowercased(),
        port == "\(number)" || (!secure && number == 80 && port == "443")
      {
        return true
      }
    case .ssh(_, let name, let number, _):
      if host.lowercased() == name.lowercased(), port == "\(number)" { return true }
    case .path: break
    }
    stop(.redirect("\(host):\(port)"))
    return false
  }

  /// Runs a closure under the limits of this operation.
  ///
  /// - Parameter body: makes libgit2's calls; checks `stopped` when they fail.
  func watched<Value: Sendable>(
    _ body: @Sendable () async throws(GitError) -> Value
  ) async throws(GitError) -> Value {
    try await withTaskGroup(of: Void.self, returning: Result<Value, GitError>.self) { group in
      group.addTask { await self.watch() }
      let result = await withTaskCancellationHandler {
        await Self.$current.withValue(self) {
          do throws(GitError) {
            return Result<Value, GitError>.success(try await body())
          } catch {
            return .failure(error)
          }
        }
      } onCancel: {
        stop(.cancelled)
      }
      group.cancelAll()
      return result
    }.get()
  }

  private func watch() async {
    while stopped == nil {
      let next = min(deadline, state.withLock { $0.lastMove } + remote.limits.stall)
      do {
        try await Task.sleep(until: next, clock: .continuous)
      } catch {
        return
      }
      let now = ContinuousClock.now
      if now >= deadline {
        stop(.overdue)
      } else if now >= state.withLock({ $0.lastMove }) + remote.limits.stall {
        stop(.stalled)
      }
    }
  }

  /// The error for a stop; nil if the operation was not stopped.
  func error(_ doing: String) -> GitError? {
    switch stopped {
    case nil: nil
    case .connect(let reason):
      GitError(
        .unreachable, "cannot \(doing): no connection (\(reason))", hint: "check the address and the network")
    case .stalled:
      GitError(
        .timeout, "cannot \(doing): nothing moved for \(remote.limits.stall.shown)",
        hint: "it is tried again; check the remote's load and the network")
    case .overdue:
      GitError(
        .timeout, "cannot \(doing): not done after \(remote.limits.total.shown)",
        hint: "allow more time, or make the repository smaller")
    case .cancelled: GitError(.cancelled, "cannot \(doing): it was cancelled")
    case .redirect(let place):
      GitError(
        .refused, "cannot \(doing): the remote sends us to \(place.singleLine), which is another host",
        hint: "give the repository's real address")
    }
  }
}

extension Duration {
  /// Seconds for people: `30 s`, `0.2 s`.
  var shown: String {
    let tenths = (components.seconds * 10) + components.attoseconds / 100_000_000_000_000_000
    return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
  }
}
