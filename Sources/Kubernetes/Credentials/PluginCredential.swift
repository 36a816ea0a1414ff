import Diagnostics
import Values

/// The output of an exec plugin.
struct PluginCredential: Sendable {
  var token: Redacted<String>?
  /// The client certificate, in PEM form.
  var certificate: Redacted<String>?
  var key: Redacted<String>?
  /// Seconds since 1970; nil if the plugin gave no expiration.
  var expiration: Double?

  /// - Parameter output: an `ExecCredential` of the given version.
  /// - Throws: an error that says what is wrong without quoting the output.
  init(_ output: [UInt8], apiVersion: String, _ title: String) throws(ConnectionError) {
    func failure(_ what: String) -> ConnectionError {
      ConnectionError(.pluginFailed, "\(title) \(what); run it manually and look at its output")
    }
    guard let json = try? JSON.parse(output) else { throw failure("printed no JSON") }
    guard json["kind"]?.string == "ExecCredential" else { throw failure("printed no ExecCredential") }
    guard json["apiVersion"]?.string == apiVersion else {
      throw failure("printed an ExecCredential of another version than \(apiVersion)")
    }
    let status = json["status"]
    if let text = status?["token"]?.string {
      guard let found = Secret.trimmed(text) else { throw failure("printed a token that is none") }
      token = Redacted(found)
    }
    certificate = status?["clientCertificateData"]?.string.map(Redacted.init)
    key = status?["clientKeyData"]?.string.map(Redacted.init)
    guard token != nil || certificate != nil else {
      throw failure("printed neither a token nor a certificate")
    }
    guard (certificate == nil) == (key == nil) else {
      throw failure("printed a certificate without its key, or a key without its certificate")
    }
    if let text = status?["expirationTimestamp"]?.string {
      guard let seconds = WallClock.seconds(timestamp: text) else {
        throw failure("printed an expirationTimestamp that is no time")
      }
      expiration = seconds
    }
  }

  func isGood(at moment: Double) -> Bool { expiration.map { moment < $0 } ?? true }

  func pair(_ user: Stanza) throws(ConnectionError) -> CertificatePair? {
    guard let certificate, let key else { return nil }
    return CertificatePair(
      chain: try PEM.certificates(
        Array(certificate.reveal().utf8), "exec: the certificate that was printed", of: user),
      key: try PEM.key(Array(key.reveal().utf8), "exec: the key that was printed", of: user))
  }
}
