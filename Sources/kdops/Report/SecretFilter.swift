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
    return TerminalText.visible(Redaction.strict(text))
  }

  /// The last lines of a log. The lines of a private key are left out, also if the log begins within it.
  func lines(_ lines: [String]) -> [String] {
    // A key that began before the first line, and of which the end may be missing too.
    let rest = lines.drop { $0.utf8.count >= 40 && PrivateKeyLine.isBody($0) }
    return (rest.count < lines.count ? [Redaction.mark] : []) + withoutKeys(Array(rest))
  }

  private func withoutKeys(_ lines: [String]) -> [String] {
    var out: [String] = []
    var isInKey = false
    for line in lines {
      let mark = PrivateKeyLine(line)
      if mark == .end, !isInKey {
        while let last = out.last, PrivateKeyLine.isBody(last) { out.removeLast() }
        out.append(Redaction.mark)
      } else if mark != nil, !isInKey {
        out.append(Redaction.mark)
      } else if !isInKey {
        out.append(text(line))
      }
      if let mark { isInKey = mark == .begin }
    }
    return out
  }

  private func string(_ text: String) -> String {
    guard text.contains("PRIVATE KEY") else { return self.text(text) }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    return TerminalText.visible(withoutKeys(lines).joined(separator: "\n"))
  }

  /// A JSON tree with every string filtered, and without some members.
  ///
  /// - Parameter names: the members that are left out, at any depth.
  func json(_ json: JSON, without names: Set<String> = []) -> JSON {
    switch json {
    case .string(let text): return .string(string(text))
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
