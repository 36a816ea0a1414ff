import FoundationEssentials

/// Decodes ASCII-armored OpenPGP keys (RFC 9580, section 6): `gpgv` reads only binary keys.
enum Armor {
  private static let begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
  private static let end = "-----END PGP PUBLIC KEY BLOCK-----"

  /// The binary keys of a file; the file itself if it has no armor. Nil if the armor is damaged.
  static func keys(_ file: [UInt8]) -> [UInt8]? {
    let text = String(decoding: file, as: UTF8.self)
    guard text.contains(begin) else { return file }
    var keys: [UInt8] = []
    var block: [Substring]?
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline) {
      switch line.trimmingPrefix(while: \.isWhitespace) {
      case Substring(begin): block = []
      case Substring(end):
        guard let lines = block, let bytes = bytes(lines) else { return nil }
        keys += bytes
        block = nil
      default: block?.append(line)
      }
    }
    return block == nil ? keys : nil
  }

  /// Headers come first and end with an empty line; a checksum begins with `=`.
  private static func bytes(_ lines: [Substring]) -> Data? {
    var body = lines[...]
    if let empty = body.firstIndex(where: { $0.allSatisfy(\.isWhitespace) }) {
      body = body[(empty + 1)...]
    }
    return Data(base64Encoded: body.filter { !$0.hasPrefix("=") }.joined())
  }
}
