import ClusterAPI
import Diagnostics
import Values

/// An exec plugin: a program that a kubeconfig names and that returns credentials
/// (client.authentication.k8s.io).
actor ExecPlugin: Credentials {
  /// A token is no longer used this many seconds before it expires.
  private static let margin = 10.0

  private let command: PluginCommand
  private let wall: @Sendable () -> Double
  private var credential: PluginCredential?
  /// The client certificate of the connection; it cannot be replaced later.
  private var certificate: Redacted<String>?
  private var isRunning = false
  private var waiters: [CheckedContinuation<Void, Never>] = []

  /// - Throws: `.refused` if plugins are not allowed.
  init(
    _ json: JSON, of user: Stanza, cluster: Stanza, _ options: ConnectionOptions
  ) throws(ConnectionError) {
    command = try PluginCommand(json, of: user, cluster: cluster, options)
    wall = options.wallClock
  }

  /// Runs the program for the first time.
  /// - Returns: the client certificate, if the program returns one.
  func start() async throws(ConnectionError) -> CertificatePair? {
    let first = try await command.run()
    credential = first
    certificate = first.certificate
    return try first.pair(command.stanza)
  }

  var identity: String? { credential?.token.flatMap { Secret.serviceAccount(ofToken: $0.reveal()) } }

  func forget() { credential = nil }

  func authorization() async throws(APIError) -> String? {
    let credential = try await current()
    return credential.token.map { "Bearer \($0.reveal())" }
  }

  private func current() async throws(APIError) -> PluginCredential {
    while true {
      if let credential, credential.isGood(at: wall() + Self.margin) { return credential }
      guard isRunning else { break }
      await withCheckedContinuation { waiters.append($0) }
    }
    isRunning = true
    defer {
      isRunning = false
      for waiter in waiters { waiter.resume() }
      waiters = []
    }
    let fresh: PluginCredential
    do {
      fresh = try await command.run()
    } catch {
      throw APIError(.unauthorized, error.message)
    }
    guard fresh.certificate == certificate else {
      throw APIError(
        .unauthorized,
        "\(command.title) gave a new client certificate, which takes a new connection; start again")
    }
    credential = fresh
    return fresh
  }
}
