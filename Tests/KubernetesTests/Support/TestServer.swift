import NIOSSL
import TestSupport

@testable import Kubernetes

/// Server settings for the client.
enum TestServer {
  /// - Parameter authority: trusted by the client.
  static func secure(
    _ port: Int, authority: TestAuthority, host: String = "127.0.0.1", serverName: String? = nil,
    credentials: any Credentials = FakeCredentials(), client: TestAuthority.Issued? = nil
  ) throws -> Server {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.pem.utf8)))
    if let client {
      tls.certificateChain = try client.chain
      tls.privateKey = try client.key
    }
    return Server(
      host: host, port: port, path: "", tls: tls, serverName: serverName, credentials: credentials,
      namespace: nil,
      label: "stub")
  }
}
