import NIOCore
import NIOSSL
import Synchronization

/// The pair that is served: set when a certificate is created or renewed, read at every handshake.
///
/// A connection keeps the pair that it began with; the next connection gets the current one. So a certificate
/// changes without a restart and without closing connections.
public final class CurrentPair: Sendable {
  private struct State {
    var pair: ServingPair
    var identity: NIOSSLContextConfigurationOverride
  }

  private let state = Mutex<State?>(nil)

  /// Creates a place without a pair.
  public init() {}

  var pair: ServingPair? { state.withLock { $0?.pair } }

  public func set(_ pair: ServingPair) throws {
    var identity = NIOSSLContextConfigurationOverride()
    identity.certificateChain = try Self.chain(of: pair)
    identity.privateKey = .privateKey(try Self.key(of: pair))
    let new = State(pair: pair, identity: identity)
    state.withLock { $0 = new }
  }

  /// The server's TLS configuration; nil while there is no pair.
  public func configuration() throws -> TLSConfiguration? {
    guard let pair else { return nil }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: try Self.chain(of: pair), privateKey: .privateKey(try Self.key(of: pair)))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    // Clients may delay their close notification; a daemon that shuts down does not wait for it.
    configuration.shutdownTimeout = .milliseconds(500)
    configuration.sslContextCallback = { [self] _, promise in
      promise.succeed(state.withLock { $0?.identity } ?? .noChanges)
    }
    return configuration
  }

  private static func chain(of pair: ServingPair) throws -> [NIOSSLCertificateSource] {
    try NIOSSLCertificate.fromPEMBytes(Array(pair.certificate.utf8)).map { .certificate($0) }
  }

  private static func key(of pair: ServingPair) throws -> NIOSSLPrivateKey {
    try NIOSSLPrivateKey(bytes: Array(pair.key.reveal().utf8), format: .pem)
  }
}
