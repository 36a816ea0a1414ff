import Diagnostics

/// Formats findings for the output of `kubectl`: one line each, and a limited number of lines.
enum FindingWords {
  /// The maximum size of a denial, in bytes.
  static let denialLimit = 4000
  /// The maximum size of a line of a denial, in bytes.
  static let lineLimit = 1000
  /// The maximum length of a warning, in characters. Kubernetes recommends 120 and cuts at 256.
  static let warningLimit = 160
  static let warningCount = 5

  /// Returns why a request is denied; nil if nothing prevents it.
  ///
  /// A change that would wait if it came from git is denied too, because a request cannot wait.
  /// - Parameter isManaged: whether the object comes from git.
  static func denial(_ findings: [Diagnostic], isManaged: Bool) -> String? {
    let blocking = findings.filter { $0.severity != .warning }.sorted { $0.severity > $1.severity }
    if blocking.isEmpty { return nil }
    var lines: [String] = []
    var size = 0
    for finding in blocking {
      let line = cut(line(finding, isManaged: isManaged), bytes: lineLimit)
      guard size + line.utf8.count < denialLimit else {
        lines.append("and \(blocking.count - lines.count) more")
        break
      }
      size += line.utf8.count + 1
      lines.append(line)
    }
    // kubectl prints a prefix on the first line, so several findings start on the next line.
    return lines.count == 1 ? lines[0] : "\n" + lines.joined(separator: "\n")
  }

  static func warnings(_ findings: [Diagnostic], after first: [String] = []) -> [String] {
    var lines = first
    for finding in findings where finding.severity == .warning {
      lines.append("warning[\(finding.rule)] \(finding.message)")
    }
    if lines.count > warningCount {
      let rest = lines.count - warningCount + 1
      lines = lines.prefix(warningCount - 1) + ["and \(rest) more warnings"]
    }
    return lines.map { cut(TerminalText.visible($0), characters: warningLimit) }
  }

  private static func line(_ finding: Diagnostic, isManaged: Bool) -> String {
    let text = "\(finding.severity.rawValue)[\(finding.rule)] \(finding.message)"
    let hint = finding.severity == .waiting ? tryAgain(isManaged: isManaged) : finding.hint
    return TerminalText.visible(hint.map { "\(text); help: \($0)" } ?? text)
  }

  /// The hint for a manual edit that cannot be applied yet. The rule's own hint is not used, because it is for changes
  /// of a file.
  private static func tryAgain(isManaged: Bool) -> String {
    isManaged
      ? "try again once that is over, or commit the change: a change from git waits automatically"
      : "try again once that is over"
  }

  private static func cut(_ text: String, characters limit: Int) -> String {
    text.count > limit ? text.prefix(limit - 1) + "…" : text
  }

  private static func cut(_ text: String, bytes limit: Int) -> String {
    guard text.utf8.count > limit else { return text }
    var kept = ""
    var size = 0
    for character in text {
      size += character.utf8.count
      if size > limit - 3 { break }
      kept.append(character)
    }
    return kept + "…"
  }
}
