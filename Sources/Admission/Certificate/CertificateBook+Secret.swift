import ClusterAPI
import Diagnostics
import FoundationEssentials
import Values

extension CertificateBook {
  /// The name of the Secret, in the daemon's namespace.
  static let secretName = "kdops-admission"

  private enum Slot: String {
    case newest = ""
    case previous = "previous-"

    var certificate: String { rawValue + "tls.crt" }
    var key: String { rawValue + "tls.key" }
    var authority: String { rawValue + "ca.crt" }
  }

  /// Reads a Secret. Invalid content counts as missing.
  init(secret: Object) {
    self.init(newest: Self.pair(.newest, in: secret), previous: Self.pair(.previous, in: secret))
  }

  /// - Parameter existing: the current Secret, whose metadata is kept; nil to create one.
  func secret(namespace: String, over existing: Object? = nil) -> Object {
    var secret =
      existing
      ?? Object(
        .secrets, namespace: namespace, name: Self.secretName,
        labels: ["app.kubernetes.io/managed-by": "kdops"], content: ["type": "Opaque"])
    var data: JSON = [:]
    for (slot, pair) in [(Slot.newest, newest), (.previous, previous)] {
      guard let pair else { continue }
      data[slot.certificate] = Self.encoded(pair.certificate)
      data[slot.key] = Self.encoded(pair.key.reveal())
      data[slot.authority] = Self.encoded(pair.authority)
    }
    secret.json["data"] = data
    return secret
  }

  private static func pair(_ slot: Slot, in secret: Object) -> ServingPair? {
    let data = secret.json["data"]
    guard let certificate = decoded(data?[slot.certificate]), let key = decoded(data?[slot.key]),
      let authority = decoded(data?[slot.authority])
    else { return nil }
    return ServingPair(certificate: certificate, key: Redacted(key), authority: authority)
  }

  private static func encoded(_ text: String) -> JSON { .string(Data(text.utf8).base64EncodedString()) }

  private static func decoded(_ value: JSON?) -> String? {
    value?.string.flatMap { Data(base64Encoded: $0) }.flatMap { String(bytes: $0, encoding: .utf8) }
  }
}
