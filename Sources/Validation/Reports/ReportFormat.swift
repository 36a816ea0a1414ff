import Diagnostics
import Rules

/// How a validation is told: for people, or for what reads reports.
public enum ReportFormat: String, Sendable, CaseIterable {
  case human
  case json
  case sarif
  case junit
  case github
  case gitlab

  /// What it is written in, for where it is printed.
  public var notation: JobLog.Notation {
    switch self {
    case .human: .text
    case .json, .sarif, .gitlab: .json
    case .junit: .xml
    case .github: .finished
    }
  }

  /// The whole report as text that ends with a line feed.
  ///
  /// - Parameters:
  ///   - version: of the program, for reports that name it.
  ///   - coloured: For people only.
  public func render(_ validation: Validation, version: String, coloured: Bool = false) -> String {
    let report = validation.report
    return switch self {
    case .human: ValidationText.render(validation, coloured: coloured)
    case .json: ReportJSON.render(report)
    case .sarif: SARIF(version: version, rules: RuleRegistry.help).render(report)
    case .junit: JUnit { validation.line($1, of: $0) }.render(report)
    case .github: GitHubAnnotations.render(report)
    case .gitlab: GitLabCodeQuality.render(report)
    }
  }
}
