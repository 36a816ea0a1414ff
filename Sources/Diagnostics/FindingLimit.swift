import Values

/// Limits the number of findings of a file or object, and reports how many were left out.
public enum FindingLimit {
  /// The id of the rule that reports the limit.
  public static let rule = "file/more-findings"
  /// The maximum number of findings shown for one file or object.
  public static let standard = 100
  /// The maximum number of findings shown to people for one run.
  public static let shown = 1_000
  /// The number of findings of one run from which only the most severe finding of each further object is kept.
  public static let detailed = 10_000

  /// The finding that represents those left out.
  ///
  /// - Parameters:
  ///   - omitted: Their number; at least one.
  ///   - isAtLeast: Whether there may be more that were not counted.
  ///   - severity: Their highest severity.
  ///   - subject: The file or object, as messages name it.
  public static func more(
    _ omitted: Int, isAtLeast: Bool = false, _ severity: Severity, about subject: String,
    at location: SourceLocation?, of object: ObjectReference? = nil
  ) -> Diagnostic {
    Diagnostic(
      rule: rule, severity: severity, location: location, object: object,
      message:
        "\(subject) has \(isAtLeast ? "at least " : "")\(omitted) more \(omitted == 1 ? "finding" : "findings"), "
        + "which \(omitted == 1 ? "is" : "are") not shown",
      hint: "correct those that are shown, and validate again")
  }
}

extension Sequence<Diagnostic> {
  /// The findings in report order, with at most `limit` findings per file and `total` in all. If there are more, the
  /// most severe ones are kept, and one further finding gives the number of the others: at the last location of its
  /// file, or at the end of the report.
  public func inReportOrder(perFile limit: Int, total: Int = FindingLimit.shown) -> [Diagnostic] {
    var groups: [ExactString: [Diagnostic]] = [:]
    var kept: [Diagnostic] = []
    for finding in self {
      if let file = finding.location?.file {
        groups[ExactString(file), default: []].append(finding)
      } else {
        kept.append(finding)
      }
    }
    for (file, findings) in groups {
      guard findings.count > limit else {
        kept += findings
        continue
      }
      let ordered = findings.inReportOrder()
      let byWeight = Severity.allCases.sorted(by: >).flatMap { one in ordered.filter { $0.severity == one } }
      kept += byWeight.prefix(limit)
      guard let worst = byWeight.dropFirst(limit).first, let last = ordered.last?.location else { continue }
      kept.append(
        FindingLimit.more(findings.count - limit, worst.severity, about: file.wrappedValue, at: last))
    }
    let ordered = kept.inReportOrder()
    guard ordered.count > total else { return ordered }
    let byWeight = Severity.allCases.sorted(by: >).flatMap { one in ordered.filter { $0.severity == one } }
    let more = FindingLimit.more(
      ordered.count - total, byWeight[total].severity, about: "the report", at: nil)
    return byWeight.prefix(total).inReportOrder() + [more]
  }
}
