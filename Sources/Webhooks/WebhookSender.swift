import Crypto
import FoundationEssentials

/// A kind of sender, with its path and its way to prove that it knows the secret.
///
/// Sources: GitHub, "Validating webhook deliveries"; GitLab, "Webhooks"; Gitea, "Webhooks". The header of `generic` is
/// that of Flux's `generic-hmac` receivers.
enum WebhookSender: String, Sendable, Hashable, CaseIterable {
  case github
  case gitlab
  case gitea
  case generic

  /// The folder of all paths: `/hooks/github`.
  static let folder = "/hooks/"

  /// Nil for another path.
  init?(path: String) {
    guard path.hasPrefix(Self.folder) else { return nil }
    self.init(rawValue: String(path.dropFirst(Self.folder.count)))
  }

  /// The header, in lower case, with the signature of the body, or with the secret itself for GitLab.
  var credentialHeader: String {
    switch self {
    case .github: "x-hub-signature-256"
    case .gitlab: "x-gitlab-token"
    case .gitea: "x-gitea-signature"
    case .generic: "x-signature"
    }
  }

  /// The header, in lower case, that names the event; nil if the sender reports pushes only.
  var eventHeader: String? {
    switch self {
    case .github: "x-github-event"
    case .gitlab: "x-gitlab-event"
    case .gitea: "x-gitea-event"
    case .generic: nil
    }
  }

  /// Whether a credential proves knowledge of one of the secrets. The time does not depend on how much of it is right.
  func accepts(_ credential: String, body: [UInt8], secrets: WebhookSecrets) -> Bool {
    switch self {
    case .github, .generic:
      guard credential.hasPrefix("sha256=") else { return false }
      return secrets.signed(body, signature: credential.dropFirst("sha256=".count))
    case .gitea: return secrets.signed(body, signature: credential[...])
    case .gitlab: return secrets.contains(credential)
    }
  }
}

/// The secrets that the senders share with the daemon.
struct WebhookSecrets: Sendable {
  private let secrets: [SymmetricKey]

  /// The smallest length of a secret, in bytes: a shorter one could be guessed.
  static let smallest = 16
  /// The largest number of secrets.
  static let limit = 8

  /// - Parameter text: one secret a line; spaces around it are not part of it.
  /// - Returns: nil if there is none, or if one is too short.
  init?(_ text: String) {
    let lines = text.split(whereSeparator: \.isNewline).prefix(Self.limit).map { Self.trimmed($0) }
      .filter { !$0.isEmpty }
    guard !lines.isEmpty, lines.allSatisfy({ $0.count >= Self.smallest }) else { return nil }
    secrets = lines.map { SymmetricKey(data: $0) }
  }

  /// Whether the signature is the HMAC-SHA256 of the body with one of the secrets.
  ///
  /// - Parameter signature: 64 hexadecimal digits.
  func signed(_ body: [UInt8], signature: Substring) -> Bool {
    guard let code = Self.bytes(ofHex: signature), code.count == 32 else { return false }
    var isSigned = false
    // All secrets are compared, so that the duration does not reveal which one is right.
    for secret in secrets {
      let isValid = HMAC<SHA256>.isValidAuthenticationCode(Data(code), authenticating: body, using: secret)
      isSigned = isSigned || isValid
    }
    return isSigned
  }

  /// Whether the text is one of the secrets. Compares codes of both with a random key, so that neither the content nor
  /// the length affects the time.
  func contains(_ text: String) -> Bool {
    let key = SymmetricKey(size: .bits256)
    let given = Array(text.utf8)
    var isContained = false
    for secret in secrets {
      let expected = secret.withUnsafeBytes { Array($0) }
      let code = Data(HMAC<SHA256>.authenticationCode(for: expected, using: key))
      let isValid = HMAC<SHA256>.isValidAuthenticationCode(code, authenticating: given, using: key)
      isContained = isContained || isValid
    }
    return isContained
  }

  private static func trimmed(_ line: Substring) -> [UInt8] {
    var line = line.drop(while: \.isWhitespace)
    while line.last?.isWhitespace == true { line.removeLast() }
    return Array(line.utf8)
  }

  private static func bytes(ofHex text: Substring) -> [UInt8]? {
    let digits = text.utf8.map { digit -> UInt8? in
      switch digit {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
      default: nil
      }
    }
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }
}
