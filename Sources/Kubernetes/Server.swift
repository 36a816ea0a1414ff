import ClusterAPI
import NIOSSL

/// An API server: where it is, how it proves who it is, and who we are there.
struct Server: Sendable {
  /// A name, or an address without brackets.
  var host: String
  var port: Int
  /// Before `/api`: empty, or beginning with a slash and not ending in one.
  var path: String
  /// Nil for plain HTTP, which carries no credentials and is meant for `kubectl proxy` on loopback only.
  var tls: TLSConfiguration?
  /// The name that the certificate must bear where it is not `host`.
  var serverName: String?
  var credentials: any Credentials
  /// The namespace that the context or the service account names.
  var namespace: String?
  /// The kubeconfig's context, or `in-cluster`: for people.
  var label: String
}

/// Who we are at a server.
protocol Credentials: Sendable {
  /// The value of the `Authorization` header; nil where a client certificate says it all. Asked before each
  /// request, so that tokens that rotate are read again.
  func authorization() async throws(APIError) -> String?
  /// Forgets what was remembered, because the server did not take it.
  func forget() async
  /// The user's name as the server will know it, where it can be told from here: a service account's, or the
  /// common name of a certificate.
  var identity: String? { get async }
}
