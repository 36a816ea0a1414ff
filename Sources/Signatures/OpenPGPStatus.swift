import Values

/// What `gpgv` said of a signature on its status channel, one keyword a line (GnuPG's `doc/DETAILS`).
///
/// The exit code does not do: it is 0 for keys that have expired or were revoked. Lines end at `\n` alone: `gpgv` escapes
/// that in the names of keys, and not the other characters that Unicode ends lines with.
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
        // The line that says which key is missing comes next.
        if line.split(separator: " ").dropFirst(7).first != "9" {
          return .refused("has a signature by \(key) that cannot be checked")
        }
      default: break
      }
    }
    // Several signatures in one armour: nobody says which of them counts.
    guard signatures == 1, isValid, let signer else {
      return .refused(
        signatures > 1 ? "has more than one signature" : "has a signature that cannot be read")
    }
    return .good(signer)
  }
}
