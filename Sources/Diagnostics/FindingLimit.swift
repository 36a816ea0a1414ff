import Values

/// Keeps the findings of one thing to as many as anybody reads, and says how many more there are.
public enum FindingLimit {
  /// The rule that says so.
  public static let rule = "file/more-findings"
  /// How many findings of one file or object are shown.
  public static let standard = 100

  /// The finding that stands for those that are left out.
  ///
  /// - Parameters:
  ///   - omitted: how many there are; at least one.
  ///   - isAtLeast: there may be more, which nobody has counted.
  ///   - severity: the worst of theirs.
  ///   - subject: what they are about, in words.
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
  /// In report order, with at most so many findings of each file; of a file with more, the worst are kept and one finding
  /// counts the others.
  public func inReportOrder(perFile limit: Int) -> [Diagnostic] {
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
    return kept.inReportOrder()
  }
}
