import ClusterAPI
import KubeDirector
import Logging
import NIOCore
import ServiceLifecycle

/// Offers the rules to API servers as a validating admission webhook, so that what is applied by hand is judged like
/// what is committed.
///
/// The reconciler relies on none of it: a webhook that is not reached lets everything through
/// (`failurePolicy: Ignore`), and the same rules judge what git wants.
public struct AdmissionServer: Service {
  private let settings: AdmissionSettings
  private let logger: Logger
  private let clock: any Clock<Duration>
  private let objects: LiveObjects
  private let keeper: CertificateKeeper
  private let listener: HTTPSListener
  private let onListening: @Sendable (_ port: Int) async -> Void

  /// - Parameters:
  ///   - stamp: By which the daemon's writes are known where its user name is not.
  ///   - clock: sleeps between two looks at the certificate, after failures, and until a request has taken too long.
  ///   - now: the wall clock, in whole seconds since 1970.
  ///   - publish: Makes `caBundle` (PEM) the one of webhook `objects.kdops.dev` in the ValidatingWebhookConfiguration
  ///     of this installation. Called at the start and once an hour, mostly with what is there already.
  ///   - onListening: told the port once connections are taken.
  public init(
    api: any ClusterAPI, settings: AdmissionSettings, stamp: Stamp? = nil, logger: Logger,
    clock: any Clock<Duration> = ContinuousClock(), now: @escaping @Sendable () -> Int,
    publish: @escaping @Sendable (_ caBundle: [UInt8]) async throws -> Void,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) {
    self.settings = settings
    self.logger = logger
    self.clock = clock
    self.onListening = onListening
    objects = LiveObjects(
      api: api, namespaces: settings.namespaces, systemNamespace: settings.policy.systemNamespace)
    keeper = CertificateKeeper(
      api: api,
      settings: CertificateKeeper.Settings(namespace: settings.namespace, hosts: settings.hosts),
      logger: logger, clock: clock, now: now, publish: publish)
    let judge = AdmissionJudge(policy: settings.policy, ownName: settings.ownName, stamp: stamp)
    listener = HTTPSListener(
      handler: AdmissionHandler(judge: judge, objects: objects), clock: clock, logger: logger)
  }

  /// Runs until it is told to stop; requests that are being answered then are answered.
  /// - Throws: Where the address cannot be listened on.
  public func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await cancelWhenGracefulShutdown { await objects.follow(clock: clock, logger: logger) }
      }
      group.addTask {
        // Without a certificate there is nothing to begin with.
        try? await cancelWhenGracefulShutdown { try await keeper.begin() }
        try await serve()
      }
      // Whichever fails takes the other along.
      for try await _ in group {}
    }
  }

  private func serve() async throws {
    guard !Task.isCancelled, let configuration = try keeper.current.configuration() else { return }
    let (address, port) = (settings.address, settings.port)
    let server = try listener.server(address: address, port: port, configuration) { port in
      logger.info("admission.listening", metadata: ["address": "\(address)", "port": "\(port)"])
      await onListening(port)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await cancelWhenGracefulShutdown { try await keeper.keep() } }
      group.addTask {
        do {
          try await server.run()
        } catch let error as IOError {
          throw AdmissionError(
            message: "admission cannot listen on \(address):\(port) (\(error)): choose another address")
        }
      }
      for try await _ in group {}
    }
  }
}

/// Why admission cannot be offered.
public struct AdmissionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence for people.
  public var message: String

  public var description: String { message }
}
