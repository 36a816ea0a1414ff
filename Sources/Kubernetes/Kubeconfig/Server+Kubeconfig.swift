import NIOSSL
import Values

extension Server {
  /// Returns the server and the credentials of a kubeconfig's context.
  static func named(
    by selection: KubeconfigSelection, _ options: ConnectionOptions
  ) async throws(ConnectionError) -> Server {
    let cluster = selection.cluster
    let address = try address(of: cluster)
    var tls: TLSConfiguration? = address.isSecure ? try trust(of: cluster, options) : nil
    let serverName = try cluster.text("tls-server-name")
    if let serverName,
      serverName.contains(where: { $0 == ":" || $0 == "/" }) || ServerName.isAddress(serverName)
    {
      throw cluster.malformed(
        "tls-server-name", "must be a host's name; give the certificate one, or leave this out")
    }

    var credentials: any Credentials = NoCredentials(identity: nil)
    if let user = selection.user {
      guard address.isSecure else { return try plain(address, selection) }
      let found = try await UserCredentials.read(user, cluster: cluster, options)
      if let pair = found.pair {
        tls?.certificateChain = pair.chain.map { .certificate($0) }
        tls?.privateKey = .privateKey(pair.key)
      }
      credentials = found.credentials
    }
    guard address.isSecure else { return try plain(address, selection) }
    return Server(
      host: address.host, port: address.port, path: address.path, tls: tls,
      serverName: serverName == address.host ? nil : serverName, credentials: credentials,
      namespace: selection.namespace, label: selection.context)
  }

  private static func address(of cluster: Stanza) throws(ConnectionError) -> ServerAddress {
    guard let text = try cluster.text("server") else { throw cluster.malformed("server", "is missing") }
    guard let address = ServerAddress(text) else {
      throw cluster.malformed(
        "server", "must be a URL such as https://host:6443, without a user and without a query")
    }
    if try cluster.text("proxy-url") != nil {
      throw ConnectionError(
        .unsupported,
        "\(cluster.file): \(cluster.title): proxy-url is not supported; connect to the server directly and leave it out"
      )
    }
    return address
  }

  /// The certificate authorities that may sign the server's certificate.
  private static func trust(
    of cluster: Stanza, _ options: ConnectionOptions
  ) throws(ConnectionError) -> TLSConfiguration {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.minimumTLSVersion = .tlsv12
    if try cluster.flag("insecure-skip-tls-verify") {
      guard options.allowsInsecureTLS else {
        throw ConnectionError(
          .refused,
          "\(cluster.file): \(cluster.title): insecure-skip-tls-verify disables the check of the server's certificate; set certificate-authority instead, or give --allow-insecure-tls"
        )
      }
      tls.certificateVerification = .none
      return tls
    }
    if let pem = try cluster.content("certificate-authority") {
      tls.trustRoots = .certificates(try PEM.certificates(pem, "certificate-authority", of: cluster))
    }
    return tls
  }

  /// A plain HTTP server, such as `kubectl proxy`: requests have the identity of the user who runs the proxy.
  private static func plain(
    _ address: ServerAddress, _ selection: KubeconfigSelection
  ) throws(ConnectionError) -> Server {
    guard address.isLoopback else {
      throw selection.cluster.malformed(
        "server", "is plain HTTP, which only a `kubectl proxy` on this machine may be; use https://")
    }
    return Server(
      host: address.host, port: address.port, path: address.path, tls: nil, serverName: nil,
      credentials: NoCredentials(identity: nil), namespace: selection.namespace, label: selection.context)
  }
}

enum ServerName {
  /// Whether the text is an IP address; certificates list addresses and host names separately.
  static func isAddress(_ text: String) -> Bool {
    text.contains(":") || text.allSatisfy { $0 == "." || $0.isNumber }
  }
}

/// Certificates and keys in PEM format.
enum PEM {
  static func certificates(
    _ bytes: [UInt8], _ key: String, of stanza: Stanza
  ) throws(ConnectionError) -> [NIOSSLCertificate] {
    guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
      throw stanza.malformed(key, "holds no certificate in PEM form; write it again")
    }
    return certificates
  }

  static func key(_ bytes: [UInt8], _ key: String, of stanza: Stanza) throws(ConnectionError)
    -> NIOSSLPrivateKey
  {
    guard let found = try? NIOSSLPrivateKey(bytes: bytes, format: .pem) else {
      throw stanza.malformed(
        key, "contains no key in PEM form, or one behind a passphrase; write it without one")
    }
    return found
  }
}
