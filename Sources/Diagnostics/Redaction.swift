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
    var scanner = SecretScanner(text: Array(text.utf8), scope: .message)
    return scanner.redacted()
  }

  /// A text that leaves the machine: as `url`, and the values after names of secrets with a colon, such as
  /// `token: abc` or `"password": "x"`, are replaced too. In messages they are not, because a colon often ends a
  /// clause there.
  public static func strict(_ text: String) -> String {
    var scanner = SecretScanner(text: Array(text.utf8), scope: .bundle)
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
  enum Scope {
    /// Messages for users and logs.
    case message
    /// Files that users send to others.
    case bundle
  }

  let text: [UInt8]
  let scope: Scope
  private var output: [UInt8] = []
  private var position = 0
  /// The last scanned word: its end, and the position of its last `@`. Cached because a text can be one word with a
  /// URL at every fourth byte.
  private var word: (end: Int, at: Int?) = (0, nil)

  init(text: [UInt8], scope: Scope) { (self.text, self.scope) = (text, scope) }

  mutating func redacted() -> String {
    while position < text.count {
      if starts(with: "://") {
        output.append(contentsOf: "://".utf8)
        position += 3
        skipUserInfo()
      } else if text[position] == UInt8(ascii: "="), isSecretName(before: position) {
        copy(1)
        if !cutQuoted() { cutValue { Self.endsParameter($0) } }
      } else if scope == .bundle, text[position] == UInt8(ascii: ":"),
        isSecretName(before: endOfName(position))
      {
        copy(1)
        while position < text.count, text[position] == 0x20 || text[position] == 0x09 { copy(1) }
        if !cutQuoted() { cutValue { Self.endsWord($0) || ",;}".utf8.contains($0) } }
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
      } else if isStartOfWord(position), starts(with: "hooks.slack.com/services/") {
        copy("hooks.slack.com/services/".utf8.count)
        cutValue { Self.endsWord($0) }
      } else if isStartOfWord(position), isToken {
        cutValue { !Self.isNameByte($0) }
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

  /// The end of the name before a colon: before the quote that ends it, and its backslash.
  private func endOfName(_ colon: Int) -> Int {
    var end = colon
    while end > 0, text[end - 1] == 0x20, colon - end < 4 { end -= 1 }
    if end > 0, Self.isQuote(text[end - 1]) { end -= 1 }
    if end > 0, text[end - 1] == UInt8(ascii: "\\") { end -= 1 }
    return end
  }

  private func isSecretName(before end: Int) -> Bool {
    let letters = text[..<end].reversed().prefix { Self.isNameByte($0) }
    let name = String(decoding: letters.reversed(), as: UTF8.self).lowercased()
    // The author of a commit is no secret.
    if name.hasSuffix("author") { return false }
    if Self.secretParts.contains(where: { name.contains($0) }) { return true }
    let start = end - letters.count
    guard start > 0, "?&;#".utf8.contains(text[start - 1]) else { return false }
    return Self.secretParameters.contains(name)
  }

  // MARK: Tokens

  /// The prefixes of the tokens of GitHub, GitLab and Slack, from their documentation.
  private static let tokenPrefixes = [
    "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "gldt-", "glrt-", "glptt-", "xoxb-",
    "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-",
  ]

  /// Whether a JSON web token, a token of Vault or a key id of AWS begins here. Reads the word once.
  private var isToken: Bool {
    let rest = text[position...]
    if rest.starts(with: "eyJ".utf8) {
      let word = rest.prefix { Self.isNameByte($0) }
      return word.count >= 20 && word.count { $0 == UInt8(ascii: ".") } >= 2
    }
    if ["hvs.", "hvb.", "hvr."].contains(where: { rest.starts(with: $0.utf8) }) {
      return rest.dropFirst(4).prefix(8).count(where: Self.isNameByte) == 8
    }
    guard rest.starts(with: "AKIA".utf8) || rest.starts(with: "ASIA".utf8) else { return false }
    return rest.prefix(20).count { (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) } == 20
  }

  private func isStartOfWord(_ index: Int) -> Bool {
    index == 0 || !Self.isNameByte(text[index - 1])
  }

  // MARK: Bytes

  private mutating func copy(_ count: Int) {
    output.append(contentsOf: text[position..<position + count])
    position += count
  }

  /// Replaces a value in quotes, which may have a backslash before them.
  ///
  /// - Returns: Whether there is one.
  private mutating func cutQuoted() -> Bool {
    let backslash = UInt8(ascii: "\\")
    let isEscaped = position < text.count && text[position] == backslash
    let start = position + (isEscaped ? 1 : 0)
    guard start < text.count, "\"'".utf8.contains(text[start]) else { return false }
    let quote = text[start]
    copy(start + 1 - position)
    let value = position
    while position < text.count, text[position] != quote {
      // Without a backslash before the opening quote, one before a quote belongs to the value.
      if text[position] == backslash {
        if isEscaped, position + 1 < text.count, text[position + 1] == quote { break }
        position += 1
      }
      if position < text.count { position += 1 }
    }
    if position > value { output.append(contentsOf: Redaction.mark.utf8) }
    return true
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
