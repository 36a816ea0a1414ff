import Diagnostics
import Values

/// Removes secrets from everything that a support bundle contains: known ones by their value, others by their form.
struct SecretFilter {
  private let secrets: [String]

  /// Shorter values would occur by chance in other words.
  private static let shortest = 6

  /// - Parameter secrets: the values of the daemon's credentials.
  init(secrets: [String]) {
    // A long secret may contain a short one.
    self.secrets = secrets.filter { $0.utf8.count >= Self.shortest }.sorted { $0.utf8.count > $1.utf8.count }
  }

  func text(_ text: String) -> String {
    var text = text
    for secret in secrets { text = text.replacing(secret, with: Redaction.mark) }
    return TerminalText.visible(Redaction.url(text))
  }

  /// Lines of a log. The lines of a private key are left out.
  func lines(_ lines: [String]) -> [String] {
    var out: [String] = []
    var isInKey = false
    for line in lines {
      if line.contains("-----BEGIN "), line.contains("PRIVATE KEY") {
        isInKey = true
        out.append(Redaction.mark)
      }
      if !isInKey { out.append(text(line)) }
      if line.contains("-----END "), line.contains("PRIVATE KEY") { isInKey = false }
    }
    return out
  }

  /// A JSON tree with every string filtered, and without some members.
  ///
  /// - Parameter names: the members that are left out, at any depth.
  func json(_ json: JSON, without names: Set<String> = []) -> JSON {
    switch json {
    case .string(let text): return .string(self.text(text))
    case .array(let items): return .array(items.map { self.json($0, without: names) })
    case .object(let members):
      var out: JSON.Members = [:]
      for (name, value) in members where !names.contains(name) {
        out[text(name)] = self.json(value, without: names)
      }
      return .object(out)
    default: return json
    }
  }
}
