import ClusterAPI
import GitStore

/// How a daemon that starts takes a server that does not answer: waits for one that is away, and for nothing else.
struct Arrival: Sendable {
  /// False to give up at once.
  let waits: Bool
  /// After how many failures in a row it gives up; never where it is nil.
  let limit: Int?
  private var tries = 0
  private let backoff = Backoff(first: .seconds(1), limit: .seconds(15))

  init(waits: Bool, limit: Int? = nil) { (self.waits, self.limit) = (waits, limit) }

  /// - Returns: when to try again; nil where that cannot help, such as with wrong credentials.
  mutating func wait(after error: APIError) -> Duration? {
    guard waits, limit.map({ tries < $0 }) ?? true, [.unavailable, .timeout, .throttled].contains(error.kind)
    else { return nil }
    defer { tries += 1 }
    return max(backoff.delay(attempt: tries, random: 1), error.retryAfter ?? .zero)
  }
}

extension Arrival {
  /// Asks until there is an answer. For what may be asked twice and does the same: a server that reads may refuse to
  /// make something for a moment, as where a webhook of somebody's does not answer.
  ///
  /// - Parameter onFailure: told why it is waited, before each wait.
  /// - Throws: `APIError` where asking again cannot help; what `sleep` throws.
  static func patiently<Answer>(
    limit: Int? = nil, onFailure: (APIError, Duration) -> Void, sleep: (Duration) async throws -> Void,
    _ ask: () async throws(APIError) -> Answer
  ) async throws -> Answer {
    var arrival = Arrival(waits: true, limit: limit)
    while true {
      do throws(APIError) {
        return try await ask()
      } catch {
        guard let wait = arrival.wait(after: error) else { throw error }
        onFailure(error, wait)
        try await sleep(wait)
      }
    }
  }
}
