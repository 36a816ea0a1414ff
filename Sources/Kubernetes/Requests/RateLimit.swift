import Synchronization

/// A token bucket that all requests of a client share. If it is empty, requests wait in order.
final class RateLimit: Sendable {
  private let interval: Duration
  private let allowance: Duration
  private let time: Timekeeper
  /// When the bucket will be full again.
  private let full: Mutex<Duration>

  /// - Parameters:
  ///   - perSecond: tokens added per second; at least one in a thousand seconds.
  ///   - burst: the bucket's capacity; at least one.
  init(perSecond: Double, burst: Int, time: Timekeeper) {
    interval = .seconds(1 / max(0.001, perSecond))
    allowance = interval * max(1, burst)
    self.time = time
    full = Mutex(time.elapsed())
  }

  /// Takes a token, in the order of the calls.
  /// - Throws: `CancellationError`; the token is then returned.
  func take() async throws {
    let wait = full.withLock { full in
      let now = time.elapsed()
      full = max(full, now) + interval
      return full - allowance - now
    }
    guard wait > .zero else { return }
    do {
      try await time.sleep(wait)
    } catch {
      full.withLock { $0 -= interval }
      throw error
    }
  }
}
