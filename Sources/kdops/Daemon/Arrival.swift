import ClusterAPI
import GitStore

/// How a daemon that starts takes a server that does not answer: waits for one that is away, and for nothing else.
struct Arrival: Sendable {
  /// False to give up at once.
  let waits: Bool
  private var tries = 0
  private let backoff = Backoff(first: .seconds(1), limit: .seconds(15))

  init(waits: Bool) { self.waits = waits }

  /// - Returns: when to try again; nil where that cannot help, such as with wrong credentials.
  mutating func wait(after error: APIError) -> Duration? {
    guard waits, [.unavailable, .timeout, .throttled].contains(error.kind) else { return nil }
    defer { tries += 1 }
    return max(backoff.delay(attempt: tries, random: 1), error.retryAfter ?? .zero)
  }
}
