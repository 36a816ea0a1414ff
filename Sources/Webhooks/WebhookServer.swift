import Logging
import ServiceLifecycle
import Values

/// Receives webhooks of forges, and makes the daemon fetch when its branch was pushed.
///
/// The daemon does not depend on it: without webhooks it fetches at its interval. A server that cannot listen is
/// started again after a delay.
public struct WebhookServer: Service {
  private let settings: WebhookSettings
  private let logger: Logger
  private let clock: any Clock<Duration>
  private let trigger: FetchTrigger
  private let listener: WebhookListener
  private let onListening: @Sendable (_ port: Int) async -> Void
  private let backoff = Backoff(first: .seconds(1), limit: .seconds(60))

  /// - Parameters:
  ///   - clock: the clock for the interval between fetches, the timeout of requests and the delay after failures.
  ///   - onListening: called with the port once connections are accepted.
  ///   - fetch: makes the daemon fetch, and does not wait for the end of the fetch.
  public init(
    _ settings: WebhookSettings, logger: Logger, clock: any Clock<Duration> = ContinuousClock(),
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in },
    fetch: @escaping @Sendable () async throws -> Void
  ) {
    self.settings = settings
    self.logger = logger
    self.clock = clock
    self.onListening = onListening
    trigger = FetchTrigger(clock: clock, logger: logger, fetch: fetch)
    listener = WebhookListener(
      handler: WebhookHandler(settings), secretFile: settings.secretFile, trigger: trigger, clock: clock,
      logger: logger)
  }

  /// Runs until a graceful shutdown.
  public func run() async throws {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await cancelWhenGracefulShutdown { await trigger.run() } }
      group.addTask { await serve() }
    }
  }

  private func serve() async {
    let (address, port) = (settings.address, settings.port)
    var failures = 0
    while !Task.isCancelled {
      do {
        let server = try listener.server(address: address, port: port) { port in
          logger.info("webhook.listening", metadata: ["address": "\(address)", "port": "\(port)"])
          await onListening(port)
        }
        // Ends with a graceful shutdown.
        return try await server.run()
      } catch {
        let wait = backoff.longest(attempt: failures)
        failures += 1
        logger.warning(
          "webhook.closed",
          metadata: [
            "address": "\(address):\(port)", "error": "\(error)", "retry": "\(wait.components.seconds)s",
          ])
        let didWait: Void? = try? await cancelWhenGracefulShutdown { try await clock.sleep(for: wait) }
        guard didWait != nil else { return }
      }
    }
  }
}
