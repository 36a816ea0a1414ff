import Values

/// The report of `kdops validate --format json`, an interface for programs.
public enum ReportJSON {
  /// Increased when a reader of the previous version would misinterpret the output.
  public static let schemaVersion = 1

  /// The report as text that ends with a line feed.
  public static func render(_ report: Report) -> String { json(report).text(pretty: true) + "\n" }

  /// The report as JSON. All members are always present, and unknown values are `null`. Findings are sorted by file,
  /// line, column and rule, objects by kind, namespace and name.
  public static func json(_ report: Report) -> JSON {
    [
      "schemaVersion": JSON(schemaVersion),
      "base": JSON(report.base),
      "head": .string(report.head),
      "status": [
        "source": .string(report.status.source.rawValue), "commit": JSON(report.status.commit),
        "cluster": JSON(report.status.cluster), "problems": JSON(report.status.problems),
      ],
      "findings": .array(report.findings.inReportOrder().map(json)),
      "objects": .array(report.objects.sorted { $0.object < $1.object }.map(json)),
      "notJudged": JSON(report.notJudged),
    ]
  }

  /// One finding.
  public static func json(_ finding: Diagnostic) -> JSON {
    [
      "rule": .string(finding.rule),
      "severity": .string(finding.severity.rawValue),
      "file": JSON(finding.location?.file),
      "line": finding.location.map { JSON($0.line) } ?? .null,
      "column": finding.location.map { JSON($0.column) } ?? .null,
      "object": finding.object.map(json) ?? .null,
      "message": .string(finding.message),
      "hint": JSON(finding.hint),
    ]
  }

  private static func json(_ one: Report.ObjectVerdict) -> JSON {
    var json = json(one.object)
    json["change"] = .string(one.change.rawValue)
    json["verdict"] = .string(one.verdict.rawValue)
    return json
  }

  private static func json(_ object: ObjectReference) -> JSON {
    ["kind": .string(object.kind), "namespace": .string(object.namespace), "name": .string(object.name)]
  }
}
