import Diagnostics
import NIOSSL
import Values
import X509

/// A client certificate and its key.
struct CertificatePair: Sendable {
  var chain: [NIOSSLCertificate]
  var key: NIOSSLPrivateKey

  /// The common name of the first certificate, which Kubernetes uses as the user name.
  var commonName: String? {
    guard let der = try? chain.first?.toDERBytes(), let certificate = try? Certificate(derEncoded: der) else {
      return nil
    }
    for relativeName in certificate.subject {
      for attribute in relativeName where attribute.type == .RDNAttributeType.commonName {
        return String(describing: attribute.value)
      }
    }
    return nil
  }
}

/// The credentials of a kubeconfig user, in the form that the connection uses.
struct UserCredentials: Sendable {
  var credentials: any Credentials
  var pair: CertificatePair?

  static func read(
    _ user: Stanza, cluster: Stanza, _ options: ConnectionOptions
  ) async throws(ConnectionError) -> UserCredentials {
    for key in ["auth-provider", "as", "as-uid", "as-groups", "as-user-extra"] where user.json[key] != nil {
      throw ConnectionError(
        .unsupported,
        "\(user.file): \(user.title): \(key) is not supported; use a token, a certificate or an exec plugin")
    }
    let pair = try certificate(of: user)
    // The order is client-go's: `tokenFile` takes precedence over an inline token, because it can rotate.
    if let path = try user.text("tokenFile") {
      return UserCredentials(credentials: TokenFile(user.resolved(path), time: options.time), pair: pair)
    }
    if let text = try user.text("token") {
      guard let token = Secret.trimmed(text) else {
        throw user.malformed("token", "is no token; write it again")
      }
      return UserCredentials(
        credentials: FixedCredentials(
          header: Secret.bearer(token), identity: Secret.serviceAccount(ofToken: token)),
        pair: pair)
    }
    if let name = try user.text("username") {
      let password = try user.text("password") ?? ""
      return UserCredentials(
        credentials: FixedCredentials(header: Secret.basic(name, password), identity: name), pair: pair)
    }
    if let exec = user.json["exec"], !exec.isNull {
      let plugin = try ExecPlugin(exec, of: user, cluster: cluster, options)
      let first = try await plugin.start()
      return UserCredentials(credentials: plugin, pair: first ?? pair)
    }
    return UserCredentials(credentials: NoCredentials(identity: pair?.commonName), pair: pair)
  }

  private static func certificate(of user: Stanza) throws(ConnectionError) -> CertificatePair? {
    let certificate = try user.content("client-certificate")
    let key = try user.content("client-key")
    guard certificate != nil || key != nil else { return nil }
    guard let certificate else { throw user.malformed("client-certificate", "is missing beside client-key") }
    guard let key else { throw user.malformed("client-key", "is missing beside client-certificate") }
    return CertificatePair(
      chain: try PEM.certificates(certificate, "client-certificate", of: user),
      key: try PEM.key(key, "client-key", of: user))
  }
}
