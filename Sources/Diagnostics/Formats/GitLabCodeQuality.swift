import Values

/// Renders findings as GitLab's code quality report. A merge request compares it with the report of its target branch.
///
/// The members are those that GitLab reads:
/// https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
public enum GitLabCodeQuality {
  /// The report as text that ends with a line feed.
  public static func render(_ report: Report) -> String { json(report).text(pretty: true) + "\n" }

  /// One entry per finding, in report order.
  public static func json(_ report: Report) -> JSON {
    var fingerprints = Fingerprints()
    return .array(
      report.findings.inReportOrder().map { finding in
        let place = finding.reportedLocation
        return [
          "description": .string(finding.sentence),
          "check_name": .string(finding.rule),
          "fingerprint": .string(fingerprints.next(for: finding)),
          "severity": .string(severity(finding.severity)),
          "location": [
            "path": .string(place.file),
            "lines": ["begin": JSON(max(place.line, 1))],
          ],
        ]
      })
  }

  /// One of GitLab's five severities. `blocker` and `major` are not used.
  private static func severity(_ severity: Severity) -> String {
    switch severity {
    case .error: "critical"
    case .waiting: "info"
    case .warning: "minor"
    }
  }
}
