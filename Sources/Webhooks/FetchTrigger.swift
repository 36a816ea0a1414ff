import Logging

/// Fetches when a webhook asks for it: at once, and after that at most once in each interval. Requests during a fetch or
/// in the interval after it are one further fetch.
struct FetchTrigger: Sendable {
  /// The interval between two fetches.
  static let interval = Duration.seconds(1)

  private let clock: any Clock<Duration>
  private let logger: Logger
  private let requests: AsyncStream<Void>
  private let request: AsyncStream<Void>.Continuation
  private let fetch: @Sendable () async throws -> Void

  /// - Parameter fetch: makes the daemon fetch, and does not wait for the end of the fetch.
  init(
    clock: any Clock<Duration>, logger: Logger, fetch: @escaping @Sendable () async throws -> Void
  ) {
    self.clock = clock
    self.logger = logger
    self.fetch = fetch
    (requests, request) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
  }

  /// Requests a fetch; never waits.
  func callAsFunction() { request.yield() }

  /// Fetches until the task is cancelled.
  func run() async {
    for await _ in requests {
      do {
        try await fetch()
      } catch {
        logger.warning("webhook.fetch.failed", metadata: ["error": "\(error)"])
      }
      guard (try? await clock.sleep(for: Self.interval)) != nil else { return }
    }
  }
}
