import Values

/// Renders findings as a SARIF 2.1.0 log, which code scanning and editors read.
///
/// The standard: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html; comments below cite its sections.
public struct SARIF {
  private let version: String
  private let rules: [RuleHelp]

  /// - Parameters:
  ///   - version: The program's semantic version.
  ///   - rules: All judged rules, in documentation order.
  public init(version: String, rules: [RuleHelp]) {
    self.version = version
    self.rules = rules
  }

  /// The log as text that ends with a line feed.
  public func render(_ report: Report) -> String { json(report).text(pretty: true) + "\n" }

  /// The log as JSON, with one run.
  public func json(_ report: Report) -> JSON {
    let index = Dictionary(rules.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    var fingerprints = Fingerprints()
    let results = report.findings.inReportOrder().map { finding in
      result(finding, index: index[finding.rule], fingerprint: fingerprints.next(for: finding))
    }
    return [
      "$schema":
        "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
      "version": "2.1.0",
      "runs": [
        [
          "tool": [
            "driver": [
              "name": "kdops", "version": .string(version), "semanticVersion": .string(version),
              "rules": .array(rules.map(SARIF.rule)),
            ]
          ],
          "invocations": [
            [
              "executionSuccessful": true,
              "toolExecutionNotifications": .array(report.notJudged.map { notJudged($0, index: index[$0]) }),
            ]
          ],
          "originalUriBaseIds": [SARIF.root: ["description": ["text": "The root of the repository."]]],
          // 3.14.17: columns count Unicode scalars, as in all of kdops.
          "columnKind": "unicodeCodePoints",
          "results": .array(results),
          "properties": [
            "base": JSON(report.base), "head": .string(report.head),
            "status": [
              "source": .string(report.status.source.rawValue), "commit": JSON(report.status.commit),
              "cluster": JSON(report.status.cluster), "problems": JSON(report.status.problems),
            ],
          ],
        ]
      ],
    ]
  }

  /// The base of relative paths, under the name that GitHub and Azure know.
  private static let root = "%SRCROOT%"

  private static func level(_ severity: Severity) -> JSON {
    switch severity {
    case .error: "error"
    case .waiting: "note"
    case .warning: "warning"
    }
  }

  // MARK: Rules

  private static let more =
    "Each result has a hint how to fix it. The same is shown by `kdops validate`; the page docs/rules.md of kdops has examples."

  private static func rule(_ rule: RuleHelp) -> JSON {
    let summary = rule.summary.prefix(1).uppercased() + rule.summary.dropFirst() + "."
    return [
      "id": .string(rule.id),
      "shortDescription": ["text": .string(summary)],
      "fullDescription": ["text": .string("\(summary) \(rule.rationale)")],
      // 3.49.13: the complete help text is included, so that it need not be served at a URL.
      "help": [
        "text": .string("\(summary)\n\n\(rule.rationale)\n\n\(Self.more)"),
        "markdown": .string("**\(summary)**\n\n\(rule.rationale)\n\n\(Self.more)"),
      ],
      "defaultConfiguration": ["level": level(rule.severity)],
      "properties": ["tags": [.string(String(rule.id.prefix { $0 != "/" }))]],
    ]
  }

  /// A notification about a rule that could not be judged; it is not a result.
  private func notJudged(_ rule: String, index: Int?) -> JSON {
    var reference: JSON = ["id": .string(rule)]
    if let index { reference["index"] = JSON(index) }
    return [
      "level": "note", "associatedRule": reference,
      "message": ["text": .string("\(rule) was not judged: no status of running clusters was available.")],
    ]
  }

  // MARK: Results

  private func result(_ finding: Diagnostic, index: Int?, fingerprint: String) -> JSON {
    var json: JSON = ["ruleId": .string(finding.rule)]
    if let index { json["ruleIndex"] = JSON(index) }
    json["level"] = SARIF.level(finding.severity)
    json["message"] = ["text": .string(SARIF.plain(finding.sentence))]
    json["locations"] = [location(finding)]
    json["partialFingerprints"] = ["kdopsFinding/v1": .string(fingerprint)]
    json["properties"] = ["severity": .string(finding.severity.rawValue)]
    return json
  }

  /// The location of a finding, with a substitute file if it has none: GitHub rejects a whole log if one result has no
  /// file.
  private func location(_ finding: Diagnostic) -> JSON {
    let place = finding.reportedLocation
    var physical: JSON = [
      "artifactLocation": [
        "uri": .string(RelativeReference.text(ofPath: place.file)), "uriBaseId": .string(SARIF.root),
      ]
    ]
    let (line, column) = (max(place.line, 1), max(place.column, 1))
    physical["region"] = [
      "startLine": JSON(line), "startColumn": JSON(column), "endLine": JSON(line),
      "endColumn": JSON(column + max(place.length, 1)),
    ]
    var json: JSON = ["physicalLocation": physical]
    if let object = finding.object {
      json["logicalLocations"] = [
        [
          "name": .string(TerminalText.visible(object.name)), "kind": "object",
          "fullyQualifiedName": .string(TerminalText.visible("\(object.kind)/\(object)")),
        ]
      ]
    }
    return json
  }

  /// Escapes `[text](target)`, which 3.11.6 defines as a link in a plain message.
  private static func plain(_ text: String) -> String {
    guard text.unicodeScalars.contains("](".unicodeScalars) else { return text }
    var plain = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if scalar == "\\" || scalar == "[" || scalar == "]" { plain.append("\\") }
      plain.append(scalar)
    }
    return String(plain)
  }
}
