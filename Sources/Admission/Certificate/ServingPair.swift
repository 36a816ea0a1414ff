import Crypto
import Diagnostics
import FoundationEssentials
import KubeDirector
import NIOCore
import SwiftASN1
import X509

/// A serving certificate with its key, and the authority that signed it.
///
/// Each pair has its own authority, whose key is discarded right after signing: so no other certificate can be
/// created that the API server would trust, and a stolen pair is useful for 90 days at most.
public struct ServingPair: Sendable, Hashable {
  /// In PEM, like all values here.
  let certificate: String
  let key: Redacted<String>
  /// The certificate that clients must trust.
  public let authority: String
  /// The hosts of the certificate: DNS names, and addresses in text form.
  let hosts: Set<String>
  /// In seconds since 1970.
  let madeAt: Int
  let expiresAt: Int

  /// In seconds.
  static let lifetime = 90 * 86_400
  /// Clocks differ, so a certificate is valid from some time before it was created.
  private static let headStart = 3600

  /// When a new pair is needed: after two thirds of the lifetime.
  public var isDueAt: Int { madeAt + Self.lifetime / 3 * 2 }

  func isValid(at now: Int) -> Bool { now >= madeAt - Self.headStart && now < expiresAt }

  // MARK: Creation

  /// Creates a pair with an authority of its own.
  ///
  /// - Parameters:
  ///   - hosts: DNS names, and addresses without brackets.
  ///   - name: the name of the server, in the names of the certificates.
  ///   - now: in seconds since 1970.
  /// - Throws: if a host is neither a name nor an address that a certificate can contain.
  public static func make(
    hosts: Set<String>, name: String = "kdops-admission", now: Int
  ) throws -> ServingPair {
    let authorityKey = P256.Signing.PrivateKey()
    let authorityName = try DistinguishedName {
      // A unique name, so that a lookup of the issuer by name finds the right one.
      CommonName("\(name) authority \(Timestamp.text(now))")
    }
    let identifier = SubjectKeyIdentifier(hash: Certificate.PublicKey(authorityKey.publicKey))
    let authority = try certificate(
      of: authorityKey, named: authorityName, by: authorityKey, named: authorityName, now: now,
      Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
        Critical(KeyUsage(keyCertSign: true))
        identifier
      })
    let key = P256.Signing.PrivateKey()
    let leaf = try certificate(
      of: key, named: DistinguishedName { CommonName(name) }, by: authorityKey,
      named: authorityName, now: now,
      Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        Critical(KeyUsage(digitalSignature: true))
        try ExtendedKeyUsage([.serverAuth])
        SubjectAlternativeNames(try hosts.sorted().map(GeneralName.init(host:)))
        AuthorityKeyIdentifier(keyIdentifier: identifier.keyIdentifier)
      })
    return ServingPair(
      certificate: try leaf.serializeAsPEM().pemString, key: Redacted(key.pemRepresentation),
      authority: try authority.serializeAsPEM().pemString, hosts: hosts, madeAt: now,
      expiresAt: now + lifetime)
  }

  private static func certificate(
    of key: P256.Signing.PrivateKey, named subject: DistinguishedName, by issuerKey: P256.Signing.PrivateKey,
    named issuer: DistinguishedName, now: Int, _ extensions: Certificate.Extensions
  ) throws -> Certificate {
    try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(),
      publicKey: Certificate.PublicKey(key.publicKey),
      notValidBefore: Date(timeIntervalSince1970: Double(now - headStart)),
      notValidAfter: Date(timeIntervalSince1970: Double(now + lifetime)), issuer: issuer, subject: subject,
      signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
      issuerPrivateKey: Certificate.PrivateKey(issuerKey))
  }
}

extension ServingPair {
  /// Reads a stored pair; nil if it is invalid, or if its parts do not match.
  init?(certificate: String, key: Redacted<String>, authority: String) {
    guard let leaf = try? Certificate(pemEncoded: certificate),
      let signer = try? Certificate(pemEncoded: authority),
      let secret = try? P256.Signing.PrivateKey(pemRepresentation: key.reveal()),
      Certificate.PublicKey(secret.publicKey) == leaf.publicKey,
      signer.publicKey.isValidSignature(leaf.signature, for: leaf),
      let names = try? leaf.extensions.subjectAlternativeNames
    else { return nil }
    self.init(
      certificate: certificate, key: key, authority: authority, hosts: Set(names.compactMap(\.host)),
      madeAt: Int(leaf.notValidBefore.timeIntervalSince1970) + Self.headStart,
      expiresAt: Int(min(leaf.notValidAfter, signer.notValidAfter).timeIntervalSince1970))
  }
}

extension GeneralName {
  /// - Parameter host: a DNS name, or an address without brackets.
  fileprivate init(host: String) throws {
    if let address = try? SocketAddress(ipAddress: host, port: 0), let bytes = address.packed {
      self = .ipAddress(ASN1OctetString(contentBytes: bytes[...]))
    } else {
      self = .dnsName(host)
    }
  }

  fileprivate var host: String? {
    switch self {
    case .dnsName(let name): name
    case .ipAddress(let address):
      try? SocketAddress(packedIPAddress: ByteBuffer(bytes: address.bytes), port: 0).ipAddress
    default: nil
    }
  }
}

extension SocketAddress {
  /// The address in network byte order.
  fileprivate var packed: [UInt8]? {
    switch self {
    case .v4(let address): withUnsafeBytes(of: address.address.sin_addr) { Array($0) }
    case .v6(let address): withUnsafeBytes(of: address.address.sin6_addr) { Array($0) }
    case .unixDomainSocket: nil
    }
  }
}
