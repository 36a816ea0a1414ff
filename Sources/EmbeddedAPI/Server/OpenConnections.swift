import NIOCore
import Synchronization

/// The open connections, limited in number.
///
/// Any user of the machine can connect. So that clients without the token do not keep out those that have it, a new
/// connection takes the place of the oldest one that has not sent the token yet.
final class OpenConnections: Sendable {
  private struct State {
    var next = 0
    /// The connections that have not sent the token yet.
    var opening: [Int: any Channel] = [:]
    var authorized: Set<Int> = []
  }

  private let state = Mutex(State())
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  /// - Returns: the place of the connection; nil if all places are taken by clients with the token.
  func enter(_ channel: any Channel) -> Int? {
    let (place, replaced): (Int?, (any Channel)?) = state.withLock { state in
      var replaced: (any Channel)?
      if state.opening.count + state.authorized.count >= limit {
        guard let oldest = state.opening.keys.min() else { return (nil, nil) }
        replaced = state.opening.removeValue(forKey: oldest)
      }
      let place = state.next
      state.next += 1
      state.opening[place] = channel
      return (place, replaced)
    }
    replaced?.close(promise: nil)
    return place
  }

  func authorize(_ place: Int) {
    state.withLock { state in
      if state.opening.removeValue(forKey: place) != nil { state.authorized.insert(place) }
    }
  }

  func leave(_ place: Int) {
    state.withLock { state in
      state.opening[place] = nil
      state.authorized.remove(place)
    }
  }
}
