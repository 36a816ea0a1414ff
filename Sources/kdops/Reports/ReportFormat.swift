import ArgumentParser
import Diagnostics
import Rules

/// How a validation is told: for people, or for what reads reports.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case human
  case json
  case sarif
  case junit
  case github
  case gitlab

  /// The whole report as text that ends with a line feed.
  ///
  /// - Parameter coloured: For people only.
  func render(_ validation: Validation, coloured: Bool = false) -> String {
    let report = validation.report
    return switch self {
    case .human: ValidationText.render(validation, coloured: coloured)
    case .json: ReportJSON.render(report)
    case .sarif: SARIF(version: Kdops.version, rules: RuleRegistry.help).render(report)
    case .junit: JUnit { validation.line($1, of: $0) }.render(report)
    case .github: GitHubAnnotations.render(report)
    case .gitlab: GitLabCodeQuality.render(report)
    }
  }
}
