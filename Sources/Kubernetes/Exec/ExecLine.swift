import NIOCore
import Synchronization

/// The connections that one call has opened, so that all of them can be closed when the caller stops waiting.
final class ExecLine: Sendable {
  private struct State {
    var channels: [any Channel] = []
    var isClosed = false
  }

  private let state = Mutex(State())

  /// - Returns: false if the call has already been abandoned.
  func add(_ channel: any Channel) -> Bool {
    state.withLock { state in
      guard !state.isClosed else { return false }
      state.channels.append(channel)
      return true
    }
  }

  /// Closes all connections, including any that are added later.
  func close() {
    let channels = state.withLock { state in
      state.isClosed = true
      defer { state.channels = [] }
      return state.channels
    }
    for channel in channels { channel.close(promise: nil) }
  }
}
