import Crypto
import Values

/// Fingerprints of findings, by which a server distinguishes known findings from new ones.
///
/// A fingerprint does not change when lines are added above or the file is moved, because it is computed from the
/// rule, the object and the message. If the object is not known, the file replaces it, and the message is left out
/// because parser messages contain line numbers. The message is also left out for waiting findings, because it
/// contains the progress of another operation.
struct Fingerprints {
  private var seen: [String: Int] = [:]

  /// The fingerprint of the next finding, 32 hexadecimal digits. Findings with equal rule, object and message are
  /// numbered in their order, so fingerprints are unique.
  mutating func next(for finding: Diagnostic) -> String {
    var parts = [finding.rule]
    if let object = finding.object {
      parts += [object.kind, object.namespace, object.name]
      if finding.severity != .waiting { parts.append(finding.message) }
    } else {
      parts.append(finding.location?.file ?? "")
    }
    // As JSON, so that different lists of parts never produce the same text.
    let key = JSON(parts).text()
    let number = seen[key, default: 0]
    seen[key] = number + 1
    let digest = SHA256.hash(data: Array("\(key)\(number)".utf8))
    return digest.prefix(16).map { byte in
      let digits = String(byte, radix: 16)
      return digits.count < 2 ? "0" + digits : digits
    }.joined()
  }
}
