import Values

/// Parses the status output of `gpgv`, one keyword per line (GnuPG's `doc/DETAILS`).
///
/// The exit code is not enough: it is 0 for expired and revoked keys. Only `\n` ends a line: `gpgv` escapes
/// it in key names, but not the other characters that end lines in Unicode.
enum OpenPGPStatus {
  private static let mark = "[GNUPG:] "

  static func verdict(_ output: String) -> SignatureVerdict {
    var signatures = 0
    var (signer, isValid): (String?, Bool) = (nil, false)
    for line in output.parts(separatedBy: "\n") {
      guard let text = String(line).cutting(prefix: mark) else { continue }
      let words = text.split(separator: " ", maxSplits: 2).map(String.init)
      let key = words.count > 1 ? words[1] : ""
      let name = words.count > 2 ? "\(words[2]) (\(key))" : key
      switch words.first {
      case "NEWSIG": signatures += 1
      case "GOODSIG": signer = name
      case "VALIDSIG": isValid = true
      case "EXPKEYSIG": return .refused("is signed with the key of \(name), which has expired")
      case "REVKEYSIG": return .refused("is signed with the key of \(name), which was revoked")
      case "EXPSIG": return .refused("has a signature of \(name) that has expired")
      case "BADSIG": return .refused("has a signature of \(name) that does not fit: the commit was changed")
      case "NO_PUBKEY": return .refused("is signed with the key \(key), which is not among the keys")
      case "ERRSIG":
        // The next line says which key is missing.
        if line.split(separator: " ").dropFirst(7).first != "9" {
          return .refused("has a signature by \(key) that cannot be checked")
        }
      default: break
      }
    }
    // With several signatures in one armor, it is undefined which one counts.
    guard signatures == 1, isValid, let signer else {
      return .refused(
        signatures > 1 ? "has more than one signature" : "has a signature that cannot be read")
    }
    return .good(signer)
  }
}
