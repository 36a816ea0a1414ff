import ClusterAPI
import NIOSSL

/// An API server: its address, its TLS settings, and the credentials for it.
struct Server: Sendable {
  /// A name, or an address without brackets.
  var host: String
  var port: Int
  /// The path before `/api`: empty, or beginning with a slash and not ending with one.
  var path: String
  /// Nil for plain HTTP, which carries no credentials and is only meant for `kubectl proxy` on loopback.
  var tls: TLSConfiguration?
  /// The name that the certificate must have, if it is not `host`.
  var serverName: String?
  var credentials: any Credentials
  /// The namespace of the context or of the service account.
  var namespace: String?
  /// The kubeconfig's context, or `in-cluster`; for messages.
  var label: String
}

/// The credentials for a server.
protocol Credentials: Sendable {
  /// The value of the `Authorization` header; nil if a client certificate is enough. Called before each
  /// request, so that rotated tokens are read again.
  func authorization() async throws(APIError) -> String?
  /// Drops cached credentials, because the server refused them.
  func forget() async
  /// The user name that the server will use, if it is known here: that of a service account, or the common name
  /// of a certificate.
  var identity: String? { get async }
}
