import Diagnostics
import FoundationEssentials
import Values

/// Helpers for credentials in text form.
enum Secret {
  /// Removes surrounding white space. Returns nil if nothing is left, or if the text is not valid in a header.
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

  /// Returns the service account that a token claims. Used for display, and to recognize the daemon's own user
  /// in server messages; the server decides about the token.
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
