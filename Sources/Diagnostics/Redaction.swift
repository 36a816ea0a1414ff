/// Removes credentials from text for users or logs.
public enum Redaction {
  /// The replacement for a secret.
  public static let mark = "<redacted>"

  /// A URL, or any text with URLs in it, without its credentials.
  ///
  /// The user and the password of a URL are removed (for `ssh://` only the password, because the user is not secret
  /// there). The values of parameters with names of secrets, `Authorization` headers, bearer tokens and the tokens of
  /// code hosts are replaced by `<redacted>`. The input includes library errors, so the format of the text is not
  /// trusted: anything that could be a secret is treated as one.
  public static func url(_ text: String) -> String {
    var scanner = SecretScanner(text: Array(text.utf8))
    return scanner.redacted()
  }

  /// A text without credentials, and with `…` for what is beyond `limit` Unicode scalars. Counts scalars because a
  /// `Character` may have any length, and reads no more than four times as many as it returns.
  public static func excerpt(_ text: String, limit: Int) -> String {
    let scalars = text.unicodeScalars
    let isCut = scalars.index(scalars.startIndex, offsetBy: limit * 4, limitedBy: scalars.endIndex)
      .map { $0 < scalars.endIndex }
    // A URL that is cut before its `@` is redacted as if the `@` came next.
    let shown = url(isCut == true ? String(scalars.prefix(limit * 4)) + "@" : text)
    guard shown.unicodeScalars.count > limit else { return shown }
    return String(shown.unicodeScalars.prefix(limit - 1)) + "…"
  }
}

/// Scans the text once. All delimiters are ASCII, so it works on bytes, and cuts never split a character.
private struct SecretScanner {
  let text: [UInt8]
  private var output: [UInt8] = []
  private var position = 0
  /// The last scanned word: its end, and the position of its last `@`. Cached because a text can be one word with a
  /// URL at every fourth byte.
  private var word: (end: Int, at: Int?) = (0, nil)

  init(text: [UInt8]) { self.text = text }

  mutating func redacted() -> String {
    while position < text.count {
      if starts(with: "://") {
        output.append(contentsOf: "://".utf8)
        position += 3
        skipUserInfo()
      } else if text[position] == UInt8(ascii: "="), isSecretName(before: position) {
        output.append(text[position])
        position += 1
        cutValue { Self.endsParameter($0) }
      } else if isStartOfWord(position), starts(with: "authorization:") {
        copy("authorization:".utf8.count)
        while position < text.count, text[position] == 0x20 { copy(1) }
        cutValue { $0 < 0x20 || Self.isQuote($0) }
      } else if isStartOfWord(position), starts(with: "bearer ") {
        copy("bearer ".utf8.count)
        if lengthOfWord(from: position) >= 12 { cutValue { Self.endsWord($0) } }
      } else if isStartOfWord(position), Self.tokenPrefixes.contains(where: { starts(with: $0) }) {
        cutValue {
          Self.endsWord($0) || $0 == UInt8(ascii: "@") || $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "&")
        }
      } else {
        copy(1)
      }
    }
    return String(decoding: output, as: UTF8.self)
  }

  // MARK: User and password

  private mutating func skipUserInfo() {
    if position >= word.end {
      let end = position + lengthOfWord(from: position)
      word = (end, text[position..<end].lastIndex(of: UInt8(ascii: "@")))
    }
    let end = word.end
    let authorityEnd = text[position..<end].firstIndex { "/?#".utf8.contains($0) } ?? end
    let authority = text[position..<authorityEnd]
    var at = authority.lastIndex(of: UInt8(ascii: "@"))
    if at == nil, let colon = authority.lastIndex(of: UInt8(ascii: ":")), !isPort(authority[(colon + 1)...]) {
      // A password with a slash in it: not a valid URL, but users write it and errors repeat it.
      at = word.at.flatMap { $0 >= position ? $0 : nil }
    }
    guard let at else { return }
    if scheme.hasSuffix("ssh") || scheme == "sftp" {
      let user = text[position..<at].prefix { $0 != UInt8(ascii: ":") }
      output.append(contentsOf: user)
      output.append(UInt8(ascii: "@"))
    }
    position = at + 1
  }

  /// The letters before the `://` that has just been copied.
  private var scheme: String {
    let letters = text[..<(position - 3)].reversed().prefix { Self.isNameByte($0) || $0 == UInt8(ascii: "+") }
    return String(decoding: letters.reversed(), as: UTF8.self).lowercased()
  }

  private func isPort(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
      || bytes.last == UInt8(ascii: "]")  // the end of an IPv6 address
  }

  // MARK: Parameters

  private static let secretParts = [
    "token", "secret", "passw", "pwd", "signature", "credential", "apikey", "api_key", "api-key", "auth",
    "jwt",
    "private_key", "access_key", "accesskey",
  ]
  /// Too common in prose; treated as secrets only as URL parameters.
  private static let secretParameters: Set<String> = ["key", "sig", "code", "pat", "pass"]

  private func isSecretName(before end: Int) -> Bool {
    let letters = text[..<end].reversed().prefix { Self.isNameByte($0) }
    let name = String(decoding: letters.reversed(), as: UTF8.self).lowercased()
    if Self.secretParts.contains(where: { name.contains($0) }) { return true }
    let start = end - letters.count
    guard start > 0, "?&;#".utf8.contains(text[start - 1]) else { return false }
    return Self.secretParameters.contains(name)
  }

  // MARK: Tokens

  /// The prefixes of the tokens of GitHub, GitLab and Slack, from their documentation.
  private static let tokenPrefixes = [
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glptt-", "xoxb-",
    "xoxp-",
  ]

  private func isStartOfWord(_ index: Int) -> Bool {
    index == 0 || !Self.isNameByte(text[index - 1])
  }

  // MARK: Bytes

  private mutating func copy(_ count: Int) {
    output.append(contentsOf: text[position..<position + count])
    position += count
  }

  private mutating func cutValue(until isEnd: (UInt8) -> Bool) {
    let start = position
    while position < text.count, !isEnd(text[position]) { position += 1 }
    if position > start { output.append(contentsOf: Redaction.mark.utf8) }
  }

  private func starts(with word: String) -> Bool {
    let word = word.utf8
    guard text.count - position >= word.count else { return false }
    return zip(text[position...], word).allSatisfy { byte, expected in
      byte == expected || ((0x41...0x5A).contains(byte) && byte | 0x20 == expected)
    }
  }

  private func lengthOfWord(from start: Int) -> Int {
    text[start...].prefix { !Self.endsWord($0) }.count
  }

  private static func isQuote(_ byte: UInt8) -> Bool { "\"'`<>".utf8.contains(byte) }
  private static func endsWord(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7F || isQuote(byte) }
  private static func endsParameter(_ byte: UInt8) -> Bool { endsWord(byte) || "&#".utf8.contains(byte) }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
