import ClusterAPI
import Values

/// The startup retry policy: a starting daemon waits for a server that is unavailable, and fails on any other error.
struct StartupRetry: Sendable {
  /// False to fail at once.
  let waits: Bool
  /// The number of consecutive failures after which it fails; nil for no limit.
  let limit: Int?
  private var tries = 0
  private let backoff = Backoff(first: .seconds(1), limit: .seconds(15))

  init(waits: Bool, limit: Int? = nil) { (self.waits, self.limit) = (waits, limit) }

  /// Counts a failure.
  ///
  /// - Returns: the delay before the next attempt; nil if a retry cannot help, such as with wrong credentials.
  mutating func wait(after error: APIError) -> Duration? {
    guard waits, limit.map({ tries < $0 }) ?? true, [.unavailable, .timeout, .throttled].contains(error.kind)
    else { return nil }
    defer { tries += 1 }
    return max(backoff.longest(attempt: tries), error.retryAfter ?? .zero)
  }
}

extension StartupRetry {
  /// Repeats an idempotent request until it succeeds. A server that answers reads may refuse writes for a moment, for
  /// example while a webhook does not respond.
  ///
  /// - Parameter onFailure: called with the error before each wait.
  /// - Throws: `APIError` if a retry cannot help; any error of `sleep`.
  static func retrying<Answer>(
    limit: Int? = nil, onFailure: (APIError, Duration) -> Void, sleep: (Duration) async throws -> Void,
    _ ask: () async throws(APIError) -> Answer
  ) async throws -> Answer {
    var startupRetry = StartupRetry(waits: true, limit: limit)
    while true {
      do throws(APIError) {
        return try await ask()
      } catch {
        guard let wait = startupRetry.wait(after: error) else { throw error }
        onFailure(error, wait)
        try await sleep(wait)
      }
    }
  }
}
