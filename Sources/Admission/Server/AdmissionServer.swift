import ClusterAPI
import KubeDirector
import Logging
import NIOCore
import ServiceLifecycle

/// A validating admission webhook that applies the rules for commits to manual changes.
///
/// The reconciler does not depend on it: an unreachable webhook allows everything (`failurePolicy: Ignore`),
/// and the same rules check the desired state from git.
public struct AdmissionServer: Service {
  private let settings: AdmissionSettings
  private let logger: Logger
  private let clock: any Clock<Duration>
  private let objects: LiveObjects
  private let keeper: CertificateKeeper
  private let listener: HTTPSListener
  private let onListening: @Sendable (_ port: Int) async -> Void

  /// - Parameters:
  ///   - stamp: identifies the daemon's writes if its user name is unknown.
  ///   - clock: the clock for the delays between certificate checks and after failures, and for the request
  ///     timeout.
  ///   - now: the wall clock, in whole seconds since 1970.
  ///   - publish: sets `caBundle` (PEM) of webhook `objects.kdops.dev` in this installation's
  ///     ValidatingWebhookConfiguration. Called at the start and once an hour, usually with the same value.
  ///   - onListening: called with the port once connections are accepted.
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

  /// Runs until a graceful shutdown; requests in progress are still answered.
  /// - Throws: if the server cannot listen on the address.
  public func run() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        await cancelWhenGracefulShutdown { await objects.follow(clock: clock, logger: logger) }
      }
      group.addTask {
        // The server cannot start without a certificate.
        try? await cancelWhenGracefulShutdown { try await keeper.begin() }
        try await serve()
      }
      // If one task fails, the other is cancelled.
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

/// Why the admission webhook cannot run.
public struct AdmissionError: Error, Sendable, Hashable, CustomStringConvertible {
  /// One sentence for the user.
  public var message: String

  public var description: String { message }
}
