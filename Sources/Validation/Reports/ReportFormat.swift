import Diagnostics
import Rules

/// The format of a validation report: for people, or for tools.
public enum ReportFormat: String, Sendable, CaseIterable {
  case human
  case json
  case sarif
  case junit
  case github
  case gitlab

  /// The notation of the output, for the job log.
  public var notation: JobLog.Notation {
    switch self {
    case .human: .styled
    case .json, .sarif, .gitlab: .json
    case .junit: .xml
    case .github: .finished
    }
  }

  /// Renders the whole report as text that ends with a line feed.
  ///
  /// - Parameters:
  ///   - version: The program's version, for reports that contain it.
  ///   - coloured: Only for the `human` format.
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
