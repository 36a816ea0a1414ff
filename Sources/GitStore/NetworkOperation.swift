import Glibc
import Synchronization

/// One fetch or push: its limits, its socket, and why it was stopped.
///
/// libgit2's calls block and cannot be interrupted. What can be is their socket: a watch of our own shuts it
/// down when nothing has moved for too long, and the call comes back with an error whose real reason stands
/// here.
final class NetworkOperation: Sendable {
  /// The operation that is in the middle of a libgit2 call here; libgit2 gives no context to the sockets it
  /// asks for.
  @TaskLocal static var current: NetworkOperation?

  enum Stop: Sendable, Equatable {
    /// The connection never stood; says why.
    case connect(String)
    case stalled
    case overdue
    case cancelled
    /// The remote sent us to another host.
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

  /// Something came or went: the stall limit begins anew.
  func moved() { state.withLock { $0.lastMove = .now } }

  /// Ends the operation; the first reason counts.
  func stop(_ reason: Stop) {
    state.withLock {
      if $0.stop == nil { $0.stop = reason }
      if $0.socket >= 0 { shutdown($0.socket, Int32(SHUT_RDWR)) }
    }
  }

  /// Takes a socket into the watch. False where the operation is over already.
  func attach(_ socket: Int32) -> Bool {
    state.withLock {
      guard $0.stop == nil else { return false }
      $0.socket = socket
      $0.lastMove = .now
      return true
    }
  }

  /// Gives a socket back before it is closed.
  func detach() { state.withLock { $0.socket = -1 } }

  /// Whether we meant to talk to this host; notes a redirection elsewhere.
  func allows(host: String, port: String) -> Bool {
    switch remote.url {
    case .web(let secure, _, let name, let number, _):
      // A server may send us from http to https, but not to another one.
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

  /// Runs something under the limits of this operation.
  ///
  /// - Parameter body: makes libgit2's calls; looks at `stopped` when they fail.
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

  /// The error that a stop means; nil while nothing was stopped.
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
