import NIOCore
import Synchronization

/// The connections that one call has opened, so that whoever gives up can close them.
final class ExecLine: Sendable {
  private struct State {
    var channels: [any Channel] = []
    var isClosed = false
  }

  private let state = Mutex(State())

  /// - Returns: false where the call has been given up already.
  func add(_ channel: any Channel) -> Bool {
    state.withLock { state in
      guard !state.isClosed else { return false }
      state.channels.append(channel)
      return true
    }
  }

  /// Closes what is open and whatever is opened from now on.
  func close() {
    let channels = state.withLock { state in
      state.isClosed = true
      defer { state.channels = [] }
      return state.channels
    }
    for channel in channels { channel.close(promise: nil) }
  }
}
