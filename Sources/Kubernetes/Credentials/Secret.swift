import Diagnostics
import FoundationEssentials
import Values

/// Text that proves who we are.
enum Secret {
  /// Text without the space around it; nil where nothing is left, or where it could not stand in a header.
  static func trimmed(_ text: String) -> String? {
    let bytes = text.utf8.drop { $0 <= 0x20 }
    guard let last = bytes.lastIndex(where: { $0 > 0x20 }) else { return nil }
    let line = bytes[...last]
    guard line.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return nil }
    return String(line)
  }

  static func bearer(_ token: String) -> Redacted<String> { Redacted("Bearer \(token)") }

  /// RFC 7617.
  static func basic(_ user: String, _ password: String) -> Redacted<String> {
    Redacted("Basic \(Data("\(user):\(password)".utf8).base64EncodedString())")
  }

  /// The service account that a token says it is of. The server decides; this is for people, and to know oneself
  /// again in what the server says.
  static func serviceAccount(ofToken token: String) -> String? {
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    var base64 = String(parts[1]).replacing("-", with: "+").replacing("_", with: "/")
    while base64.utf8.count % 4 != 0 { base64 += "=" }
    guard let claims = Data(base64Encoded: base64), let json = try? JSON.parse(claims),
      let subject = json["sub"]?.string, subject.hasPrefix("system:serviceaccount:")
    else { return nil }
    return subject
  }
}
