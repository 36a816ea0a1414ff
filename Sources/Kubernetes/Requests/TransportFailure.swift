import AsyncHTTPClient
import ClusterAPI
import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// Why a request got no response, or an incomplete one.
struct TransportFailure: Sendable {
  var kind = APIError.Kind.unavailable
  /// The failure, without the object and the server.
  var words: String
  /// Whether no byte of the request can have reached the server.
  var neverSent = false
  /// Whether a retry cannot help.
  var isFinal = false

  init(_ error: any Error) {
    switch error {
    case is CancellationError:
      words = "the caller no longer waited for the answer"
      isFinal = true
    case let error as HTTPClientError: self = Self.http(error)
    case let error as NIOConnectionError:
      words = error.connectionErrors.first.map { "\($0.error)" } ?? "\(error.host) has no address"
      neverSent = true
    case let error as IOError where error.errnoCode == ECONNREFUSED:
      words = "it accepts no connections"
      neverSent = true
    case let error as IOError where [ECONNRESET, EPIPE].contains(error.errnoCode):
      words = "the connection was reset"
    case NIOSSLError.uncleanShutdown, ChannelError.eof, ChannelError.inputClosed,
      ChannelError.ioOnClosedChannel:
      words = "the connection was cut"
    case ChannelError.connectTimeout:
      words = "it accepts no connections"
      neverSent = true
    case NIOSSLError.handshakeFailed(let cause):
      self = Self.tls("\(cause)")
      neverSent = true
    case let error as BoringSSLError: self = Self.tls("\(error)")
    case is NIOSSLExtraError:
      words =
        "its certificate is not valid for this host name; correct `server`, or set `tls-server-name`"
      kind = .unauthorized
      neverSent = true
      isFinal = true
    case is NIOTooManyBytesError:
      words = "the answer is too long"
      isFinal = true
    default: words = "\(error)"
    }
  }

  private init(words: String) { self.words = words }

  private static func http(_ error: HTTPClientError) -> TransportFailure {
    var failure = TransportFailure(words: error.shortDescription)
    switch error {
    case .cancelled:
      failure.words = "the caller no longer waited for the answer"
      failure.isFinal = true
    case .alreadyShutdown:
      failure.words = "the client was shut down"
      failure.isFinal = true
    case .deadlineExceeded, .readTimeout:
      failure.words = "it did not answer in time"
      failure.kind = .timeout
      failure.isFinal = true
    case .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout:
      failure.words = "it accepts no connections"
      failure.neverSent = true
    case .remoteConnectionClosed:
      failure.words = "it closed the connection in the middle"
    default: break
    }
    return failure
  }

  /// BoringSSL's errors can be distinguished only by these names.
  private static func tls(_ cause: String) -> TransportFailure {
    if cause.contains("CERTIFICATE_VERIFY_FAILED") {
      var failure = TransportFailure(
        words: "its certificate is not signed by the CA that was given; correct `certificate-authority`")
      failure.kind = .unauthorized
      failure.isFinal = true
      return failure
    }
    let certificateAlerts = ["CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_EXPIRED"]
    if let alert = certificateAlerts.first(where: { cause.contains("ALERT_\($0)") }) {
      // The server reports this after the client's side of the handshake, but before it processes any request.
      var failure = TransportFailure(
        words: "it rejects the client certificate (\(alert.lowercased())); renew `client-certificate`")
      failure.kind = .unauthorized
      (failure.neverSent, failure.isFinal) = (true, true)
      return failure
    }
    let reason = cause.split(separator: "OPENSSL_internal:").dropFirst().first?.prefix { $0 != " " }
    return TransportFailure(words: "TLS broke off (\(reason ?? "the connection ended"))")
  }

  func error(_ subject: String, at server: Server) -> APIError {
    APIError(kind, "\(subject): \(server.address): \(words)")
  }
}

extension Server {
  /// The address for messages: `https://10.0.0.1:6443`.
  var address: String {
    "\(tls == nil ? "http" : "https")://\(host.contains(":") ? "[\(host)]" : host):\(port)\(path)"
  }
}
