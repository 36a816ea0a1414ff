import Admission
import ClusterAPI
import KubeDirector
import Logging
import NIOCore
import NIOSSL
import Rules
import ServiceLifecycle
import Values

/// The API of an embedded cluster over HTTPS on the loopback address, for `kubectl`.
///
/// The kubeconfig grants every permission on the cluster. Upgrades do not depend on the server: it uses the same
/// `ClusterAPI` as the reconciler and the engine, and a client that reads slowly delays only itself.
public struct EmbeddedAPIServer: Service {
  public struct Settings: Sendable, Hashable {
    /// A loopback address, without brackets.
    public var address: String
    /// 0 for any free port.
    public var port: Int
    /// The file that is written for clients while the server runs.
    public var kubeconfig: String
    public var policy: Policy
    /// Whether a daemon applies the objects of a repository to the cluster.
    public var isFollowingGit: Bool
    /// The version of kdops.
    public var build: String

    public init(
      address: String = "127.0.0.1", port: Int = 0, kubeconfig: String, policy: Policy,
      isFollowingGit: Bool, build: String
    ) {
      self.address = address
      self.port = port
      self.kubeconfig = kubeconfig
      self.policy = policy
      self.isFollowingGit = isFollowingGit
      self.build = build
    }
  }

  private let settings: Settings
  private let handler: APIHandler
  private let token: BearerToken
  private let clock: any Clock<Duration>
  private let now: @Sendable () -> Int
  private let logger: Logger
  private let onListening: @Sendable (_ port: Int) async -> Void

  /// - Parameters:
  ///   - mark: marks an app or a cluster that a client applies as one of the installation, so that the engine acts on
  ///     it; nil if only git may do so.
  ///   - now: the wall clock, in whole seconds since 1970.
  ///   - onListening: called with the port once connections are accepted and the kubeconfig is written.
  public init(
    api: any ClusterAPI, settings: Settings, logs: ScriptLogs, mark: (@Sendable (JSON) -> JSON)? = nil,
    logger: Logger, clock: any Clock<Duration> = ContinuousClock(), now: @escaping @Sendable () -> Int,
    onListening: @escaping @Sendable (_ port: Int) async -> Void = { _ in }
  ) {
    self.settings = settings
    self.clock = clock
    self.now = now
    self.logger = logger
    self.onListening = onListening
    token = BearerToken()
    let judge = AdmissionJudge(policy: settings.policy, isFollowingGit: settings.isFollowingGit)
    handler = APIHandler(
      api: api, gate: WriteGate(api: api, judge: judge, systemNamespace: settings.policy.systemNamespace),
      mark: mark, logs: logs, build: settings.build, now: now)
  }

  /// Marks objects with the label and the stamp of an installation: for a cluster without a repository, in place of
  /// the reconciler.
  public static func mark(_ installation: String, _ stamp: Stamp) -> @Sendable (JSON) -> JSON {
    { object in
      var marked = object
      var labels = object["metadata"]?["labels"] ?? [:]
      labels[Wire.Label.source] = .string(installation)
      marked["metadata"]?["labels"] = labels
      return stamp.on(marked)
    }
  }

  /// The addresses that can be served: the API is for the users of this machine only.
  public static func isLoopback(_ address: String) -> Bool {
    address == "localhost" || address == "::1"
      || address.hasPrefix("127.") && (try? SocketAddress(ipAddress: address, port: 0)) != nil
  }

  /// Runs until a graceful shutdown.
  /// - Throws: `EmbeddedAPIError` if the server cannot listen or the kubeconfig cannot be written. Beside a daemon that
  ///   follows git this is only logged, and tried again.
  public func run() async throws {
    do {
      try await cancelWhenGracefulShutdown { try await serve() }
    } catch is CancellationError {
      // Stopped with the daemon.
    }
  }

  /// The time between two attempts to serve.
  private static let pause = Duration.seconds(30)

  private func serve() async throws {
    while true {
      do {
        try await listen()
        try Task.checkCancellation()
        logger.warning("api.closed", metadata: ["address": "\(settings.address)"])
      } catch let error as EmbeddedAPIError where settings.isFollowingGit {
        // The daemon continues without the API: an upgrade does not depend on it.
        logger.warning("api.failed", metadata: ["error": "\(error)"])
      }
      try await clock.sleep(for: Self.pause)
    }
  }

  /// Serves until the task is cancelled or the socket is closed.
  private func listen() async throws {
    let pair = CurrentPair()
    let first = try makePair()
    try pair.set(first)
    guard let tls = try pair.configuration() else { return }
    let listener = HTTPSListener(handler: handler, token: token, tls: try NIOSSLContext(configuration: tls))
    let kubeconfig = KubeconfigFile(path: settings.kubeconfig, token: token)
    let (address, wanted) = (settings.address, settings.port)
    defer { kubeconfig.remove() }
    do {
      try await listener.run(address: address, port: wanted) { port in
        try kubeconfig.write(host: address, port: port, authority: first.authority)
        logger.info(
          "api.listening",
          metadata: ["address": "\(address)", "port": "\(port)", "kubeconfig": "\(kubeconfig.path)"])
        await onListening(port)
        try await renew(first, pair, kubeconfig, port: port)
      }
    } catch let error as IOError {
      throw EmbeddedAPIError(
        message: "the API cannot listen on \(address):\(wanted) (\(error)): choose another address")
    }
  }

  private func makePair() throws -> ServingPair {
    try ServingPair.make(
      hosts: Set([settings.address, "127.0.0.1", "localhost"]), name: KubeconfigFile.name, now: now())
  }

  /// The shortest time between two attempts to renew the certificate, in seconds.
  private static let renewalPause = 3600

  /// Renews the certificate in time until the task is cancelled.
  private func renew(
    _ first: ServingPair, _ current: CurrentPair, _ kubeconfig: KubeconfigFile, port: Int
  ) async throws {
    var pair = first
    while true {
      try await clock.sleep(for: .seconds(max(Self.renewalPause, pair.isDueAt - now())))
      do {
        let fresh = try makePair()
        // Clients that read the file in between fail once, and succeed when they try again.
        try kubeconfig.write(host: settings.address, port: port, authority: fresh.authority)
        try current.set(fresh)
        pair = fresh
      } catch {
        // The current certificate is valid for a month more.
        logger.warning("api.certificate.failed", metadata: ["error": "\(error)"])
      }
    }
  }
}
