import Crypto
import FoundationEssentials

/// A `known_hosts` file as described in sshd(8): the accepted keys of each host.
///
/// libgit2 1.5.1 reads only `~/.ssh/known_hosts`, and lets its caller override the result. So the check is
/// made here, against the file that the configuration names.
struct KnownHosts {
  private let lines: [Line]

  private struct Line {
    let revoked: Bool
    let hosts: String
    let keyType: String
    let key: [UInt8]
  }

  enum Verdict: Equatable {
    case known
    case unknownHost
    /// The host is listed, but only with keys of these types.
    case otherType(known: [String])
    /// The host shows another key of the same type than the listed one: possibly a man-in-the-middle attack.
    case changed
    case revoked
    /// The host's key matches, but keys of this kind can be forged.
    case weak(String)
  }

  /// Parses the file's text. Lines that cannot be parsed are skipped, as ssh does. Certificate authorities
  /// are not supported: their lines make no key trusted.
  init(_ text: String) {
    lines = text.split(whereSeparator: \.isNewline).compactMap { line in
      var fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
      guard let first = fields.first, !first.hasPrefix("#") else { return nil }
      let revoked = first == "@revoked"
      if revoked { fields.removeFirst() }
      guard fields.count >= 3, !fields[0].hasPrefix("@"), let key = Data(base64Encoded: fields[2]) else {
        return nil
      }
      return Line(revoked: revoked, hosts: fields[0], keyType: fields[1], key: Array(key))
    }
  }

  /// Checks the key that a host presents.
  ///
  /// - Parameter key: in the SSH wire format, which begins with the key's type.
  func judge(host: String, port: Int, key: [UInt8]) -> Verdict {
    let name = port == 22 ? host.lowercased() : "[\(host.lowercased())]:\(port)"
    let mine = lines.filter { Self.matches($0.hosts, name) }
    if mine.contains(where: { $0.revoked && $0.key == key }) { return .revoked }
    let trusted = mine.filter { !$0.revoked }
    if trusted.contains(where: { $0.key == key }) {
      return Self.weakness(of: key).map(Verdict.weak) ?? .known
    }
    if trusted.isEmpty { return .unknownHost }
    let type = Self.type(of: key)
    let types = Set(trusted.map(\.keyType))
    return types.contains(type) ? .changed : .otherType(known: types.sorted())
  }

  /// The type of a key in the SSH wire format.
  static func type(of key: [UInt8]) -> String {
    var rest = key[...]
    return string(&rest).map { String(decoding: $0, as: UTF8.self) } ?? ""
  }

  /// The shortest accepted RSA key, in bits.
  static let rsaLimit = 2048

  /// Why a key could be forged; nil if it is strong enough. libssh2 accepts every key type that it supports,
  /// and libgit2 has no setting to change that.
  private static func weakness(of key: [UInt8]) -> String? {
    var rest = key[...]
    guard let type = string(&rest) else { return "a key without a type" }
    if type.elementsEqual("ssh-dss".utf8) { return "a DSA key" }
    guard type.elementsEqual("ssh-rsa".utf8) else { return nil }
    // The exponent comes first (RFC 4253, section 6.6).
    guard string(&rest) != nil, let modulus = string(&rest)?.drop(while: { $0 == 0 }),
      let first = modulus.first
    else { return "a damaged RSA key" }
    let bits = modulus.count * 8 - first.leadingZeroBitCount
    return bits < rsaLimit ? "an RSA key of \(bits) bits" : nil
  }

  /// Removes a length-prefixed string from the front; nil if the length exceeds the remaining bytes (RFC
  /// 4251, section 5).
  private static func string(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    guard rest.count >= 4 else { return nil }
    let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    guard length <= rest.count - 4 else { return nil }
    defer { rest = rest.dropFirst(4 + length) }
    return rest.dropFirst(4).prefix(length)
  }

  /// Whether the first field of a line matches a host: a list of patterns (`!` excludes), or one hashed name.
  private static func matches(_ hosts: String, _ name: String) -> Bool {
    if hosts.hasPrefix("|1|") {
      let parts = hosts.dropFirst(3).split(separator: "|")
      guard parts.count == 2, let salt = Data(base64Encoded: String(parts[0])),
        let hash = Data(base64Encoded: String(parts[1]))
      else { return false }
      return HMAC<Insecure.SHA1>.isValidAuthenticationCode(
        hash, authenticating: Data(name.utf8), using: SymmetricKey(data: salt))
    }
    var found = false
    for pattern in hosts.lowercased().split(separator: ",") {
      let excludes = pattern.hasPrefix("!")
      guard wildcard(Array(name.utf8), Array((excludes ? pattern.dropFirst() : pattern).utf8)) else {
        continue
      }
      if excludes { return false }
      found = true
    }
    return found
  }

  private static func wildcard(_ name: [UInt8], _ pattern: [UInt8]) -> Bool {
    var (at, want) = (0, 0)
    var retry: (at: Int, want: Int)?
    while at < name.count {
      if want < pattern.count, pattern[want] == UInt8(ascii: "*") {
        retry = (at, want)
        want += 1
      } else if want < pattern.count, pattern[want] == UInt8(ascii: "?") || pattern[want] == name[at] {
        (at, want) = (at + 1, want + 1)
      } else if let last = retry {
        retry = (last.at + 1, last.want)
        (at, want) = (last.at + 1, last.want + 1)
      } else {
        return false
      }
    }
    return pattern[want...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
