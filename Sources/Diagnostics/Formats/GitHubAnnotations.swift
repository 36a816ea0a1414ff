/// Renders findings as workflow commands of GitHub Actions, which shows them next to the changed lines.
///
/// The syntax is the runner's: https://docs.github.com/actions/reference/workflow-commands-for-github-actions. A
/// command is one line, so text from a file cannot start another command. Runners that do not know the command look
/// for an older form anywhere in the line, so older forms in texts are made inert. Waiting findings become notices.
public enum GitHubAnnotations {
  /// One line per finding, in report order, then a line with the counts. Ends with a line feed.
  public static func render(_ report: Report) -> String {
    var text = ""
    for finding in report.findings.inReportOrder() { text += command(finding) + "\n" }
    let counts = [Severity.error, .waiting, .warning].map { "\($0.rawValue): \(report.count($0))" }
    return text + "kdops validate: \(counts.joined(separator: ", "))\n"
  }

  private static func command(_ finding: Diagnostic) -> String {
    var properties: [(String, String)] = []
    if let place = finding.location {
      properties = [("file", place.file), ("line", "\(place.line)")]
      if place.column > 0 {
        properties += [("col", "\(place.column)"), ("endColumn", "\(place.column + max(place.length, 1))")]
      }
    }
    properties.append(("title", TerminalText.visible(finding.rule)))
    let list = properties.map { "\($0.0)=\(property($0.1))" }.joined(separator: ",")
    return "::\(word(finding.severity)) \(list)::\(data(finding.sentence))"
  }

  private static func word(_ severity: Severity) -> String {
    switch severity {
    case .error: "error"
    case .waiting: "notice"
    case .warning: "warning"
    }
  }

  /// Escapes the characters that the runner unescapes in the text of a command.
  private static func data(_ text: String) -> String {
    var escaped = ""
    for scalar in JobLog.inert(text).unicodeScalars {
      switch scalar {
      case "%": escaped += "%25"
      case "\r": escaped += "%0D"
      case "\n": escaped += "%0A"
      // The runner does not treat these as line ends, but a log viewer may.
      case "\u{0}"..<"\u{20}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
        escaped.unicodeScalars.append(TerminalText.standIn(for: scalar))
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// Escapes text for a property: the characters of a message, and those that end a property.
  private static func property(_ text: String) -> String {
    var escaped = ""
    for scalar in data(text).unicodeScalars {
      switch scalar {
      case ":": escaped += "%3A"
      case ",": escaped += "%2C"
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
