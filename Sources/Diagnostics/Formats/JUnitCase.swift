/// A test case of a JUnit report: one judged object or file, and its findings.
struct JUnitCase {
  /// The test suite in which the report shows the case.
  var suite: String
  /// The class name: Jenkins shows the part before a period as "package" and the part after it as "class".
  var group: String
  var name: String
  /// The file of the first finding; nil if there is none.
  var file: String?
  /// In report order.
  var findings: [Diagnostic]

  /// The finding that decides the result of the case: the first of the most severe.
  var worst: Diagnostic? {
    guard let severity = findings.map(\.severity).max() else { return nil }
    return findings.first { $0.severity == severity }
  }

  private enum Subject: Hashable {
    case object(ObjectReference)
    case file(String)
    case repository
  }

  /// All cases of a report: objects by kind, namespace and name, then files, then a case for the whole report. That
  /// last case always exists, because Jenkins treats a report without cases as a failure.
  static func all(of report: Report) -> [JUnitCase] {
    var findings: [Subject: [Diagnostic]] = [:]
    for finding in report.findings.inReportOrder() {
      let subject: Subject =
        if let object = finding.object { .object(object) } else if let place = finding.location {
          .file(place.file)
        } else { .repository }
      findings[subject, default: []].append(finding)
    }
    let judged = report.objects.filter { report.base == nil || $0.verdict != .unchanged }.map(\.object)
    var objects = Set(judged)
    var files: [String] = []
    for subject in findings.keys {
      switch subject {
      case .object(let object): objects.insert(object)
      case .file(let file): files.append(file)
      case .repository: break
      }
    }
    func make(_ subject: Subject, _ suite: String, _ group: String, _ name: String) -> JUnitCase {
      let found = findings[subject] ?? []
      return JUnitCase(
        suite: suite, group: group, name: name, file: found.lazy.compactMap(\.location?.file).first,
        findings: found)
    }
    return objects.sorted().map { make(.object($0), $0.kind, "\($0.kind).\($0.namespace)", $0.name) }
      + files.sorted().map { make(.file($0), "files", "files", $0) }
      + [make(.repository, "repository", "repository", "the change as a whole")]
  }
}
