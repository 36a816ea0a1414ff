import Crypto
import Values

/// Names for findings by which a server tells the known ones from the new ones.
///
/// A name stays when lines are added above or the file is moved, since it is made of the rule, the object and the
/// message. Where the object is not known the file stands for it, and the message is left out, since the messages
/// of parsers count lines; what waits tells in its message how far something else has come, and is named without it too.
struct Fingerprints {
  private var seen: [String: Int] = [:]

  /// The name of the next finding, 32 hexadecimal digits. Findings that are alike in all of the above are told apart
  /// by their order, so no name is given twice.
  mutating func next(for finding: Diagnostic) -> String {
    var parts = [finding.rule]
    if let object = finding.object {
      parts += [object.kind, object.namespace, object.name]
      if finding.severity != .waiting { parts.append(finding.message) }
    } else {
      parts.append(finding.location?.file ?? "")
    }
    // As JSON, so that no two lists of parts make the same text.
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
