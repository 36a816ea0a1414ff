import Crypto
import FoundationEssentials
import NIOSSL
import X509

/// A certificate authority for one test, and the certificates that it issues.
public struct TestAuthority: Sendable {
  public struct Issued: Sendable {
    public var certificatePEM: String
    public var keyPEM: String

    public var chain: [NIOSSLCertificateSource] {
      get throws { try NIOSSLCertificate.fromPEMBytes(Array(certificatePEM.utf8)).map { .certificate($0) } }
    }
    public var key: NIOSSLPrivateKeySource {
      get throws { .privateKey(try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem)) }
    }
  }

  private let key = P256.Signing.PrivateKey()
  private let certificate: Certificate
  /// The certificate that clients trust.
  public let pem: String

  public init(_ name: String = "test authority") throws {
    let subject = try DistinguishedName { CommonName(name) }
    certificate = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(key.publicKey), notValidBefore: Date() - 3600,
      notValidAfter: Date() + 3600, issuer: subject, subject: subject,
      extensions: Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
      },
      issuerPrivateKey: .init(key))
    pem = try certificate.serializeAsPEM().pemString
  }

  /// - Parameters:
  ///   - names: The host names in the certificate.
  ///   - addresses: The IPv4 addresses in the certificate.
  public func issue(_ commonName: String, names: [String] = [], addresses: [[UInt8]] = []) throws -> Issued {
    let own = P256.Signing.PrivateKey()
    let alternatives =
      names.map { GeneralName.dnsName($0) }
      + addresses.map { GeneralName.ipAddress(.init(contentBytes: $0[...])) }
    let issued = try Certificate(
      version: .v3, serialNumber: .init(), publicKey: .init(own.publicKey), notValidBefore: Date() - 3600,
      notValidAfter: Date() + 3600, issuer: certificate.subject,
      subject: try DistinguishedName { CommonName(commonName) },
      extensions: alternatives.isEmpty
        ? Certificate.Extensions() : Certificate.Extensions { SubjectAlternativeNames(alternatives) },
      issuerPrivateKey: .init(key))
    return Issued(certificatePEM: try issued.serializeAsPEM().pemString, keyPEM: own.pemRepresentation)
  }

  /// The TLS configuration of a server with a certificate of this authority.
  public func server(
    names: [String] = ["localhost"], addresses: [[UInt8]] = [[127, 0, 0, 1]], demandsClient: Bool = false
  ) throws -> TLSConfiguration {
    let issued = try issue("server", names: names, addresses: addresses)
    var tls = TLSConfiguration.makeServerConfiguration(
      certificateChain: try issued.chain, privateKey: try issued.key)
    if demandsClient {
      tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
      tls.certificateVerification = .noHostnameVerification
    }
    return tls
  }
}
