import ClusterAPI
import Diagnostics
import Logging
import Values

/// Maintains a valid and trusted certificate: in a Secret that all replicas share, and in the webhook's
/// configuration.
///
/// The first replica creates it; the others read it. A write never replaces a version that was not read, so if
/// two replicas renew at once, one succeeds and the other uses the result.
actor CertificateKeeper {
  struct Settings: Sendable {
    var namespace: String
    var hosts: Set<String>
  }

  /// Publishes the authorities that the API server must trust, as PEM.
  typealias Publish = @Sendable (_ caBundle: [UInt8]) async throws -> Void

  /// The interval between two checks without failures.
  static let interval: Duration = .seconds(3600)

  private static let backoff = Backoff(first: .seconds(1), limit: .seconds(600))

  private let api: any ClusterAPI
  private let settings: Settings
  private let logger: Logger
  private let clock: any Clock<Duration>
  private let now: @Sendable () -> Int
  private let publish: Publish
  private var book = CertificateBook()
  /// The authority of the newest pair that was published to the API server.
  private var published: String?
  private var failures = 0

  /// The pair that is served now; read at every handshake, on any thread.
  nonisolated let current = CurrentPair()

  init(
    api: any ClusterAPI, settings: Settings, logger: Logger, clock: any Clock<Duration>,
    now: @escaping @Sendable () -> Int, publish: @escaping Publish
  ) {
    self.api = api
    self.settings = settings
    self.logger = logger
    self.clock = clock
    self.now = now
    self.publish = publish
  }

  /// Returns as soon as there is a pair to serve.
  /// - Throws: `CancellationError` only.
  func begin() async throws {
    while current.pair == nil {
      let isWell = await check()
      if current.pair == nil { try await clock.sleep(for: pause(after: isWell)) }
    }
  }

  /// Renews the pair in time until the task is cancelled.
  /// - Throws: `CancellationError` only.
  func keep() async throws {
    // `begin` has just checked the pair.
    var isWell = failures == 0
    while true {
      try await clock.sleep(for: pause(after: isWell))
      isWell = await check()
    }
  }

  private func pause(after isWell: Bool) -> Duration {
    isWell ? Self.interval : Self.backoff.longest(attempt: failures)
  }

  /// Checks the Secret, the time and the webhook's configuration once. Returns false if the check must be
  /// repeated soon.
  @discardableResult
  func check() async -> Bool {
    do {
      // More attempts would be needed only with a very large number of replicas.
      for _ in 0..<8 {
        let secret = try await read()
        book = secret.map(CertificateBook.init) ?? CertificateBook()
        // If the Secret was deleted, the pair that is trusted now continues to be used.
        if book.newest == nil, book.previous == nil { book.newest = current.pair }
        if book.isDue(for: settings.hosts, at: now()) || secret == nil, try await !renew(over: secret) {
          continue
        }
        try serve()
        try await publish(book.bundle(at: now()))
        published = book.newest?.authority
        try serve()
        // Another replica may have renewed and published its pair in the meantime.
        guard try await read().map({ CertificateBook(secret: $0) }) == book else { continue }
        failures = 0
        return true
      }
      throw APIError(
        .conflict, "Secret \(settings.namespace)/\(CertificateBook.secretName) changes all the time")
    } catch is CancellationError {
      return false
    } catch {
      failures += 1
      logger.warning("admission.certificate.failed", metadata: ["error": "\(error)", "tries": "\(failures)"])
      return false
    }
  }

  private func serve() throws {
    let pair = book.served(
      for: settings.hosts, at: now(), isPublished: published == book.newest?.authority)
    guard let pair, pair != current.pair else { return }
    try current.set(pair)
    logger.info(
      "admission.certificate.served",
      metadata: ["hosts": "\(pair.hosts.sorted().joined(separator: ","))", "expiresAt": "\(pair.expiresAt)"])
  }

  private func read() async throws(APIError) -> Object? {
    let name = ObjectName(namespace: settings.namespace, name: CertificateBook.secretName)
    do throws(APIError) {
      return try await api.get(.secrets, name)
    } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
  }

  /// Creates a pair and stores it. Returns false if another replica was faster.
  private func renew(over secret: Object?) async throws -> Bool {
    let fresh = try book.renewed(for: settings.hosts, at: now())
    let object = fresh.secret(namespace: settings.namespace, over: secret)
    do throws(APIError) {
      _ = try await secret == nil ? api.create(object) : api.update(object)
    } catch {
      // A Secret that was deleted between the read and the write counts as changed too.
      guard [.alreadyExists, .conflict, .notFound].contains(error.kind) else { throw error }
      return false
    }
    book = fresh
    logger.info("admission.certificate.made", metadata: ["secret": "\(settings.namespace)/\(object.name)"])
    return true
  }
}
