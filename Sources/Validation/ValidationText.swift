import Diagnostics
import KubeDirector

/// Renders a validation for people: every finding with its line, then the changed objects and a summary.
public enum ValidationText {
  /// The maximum number of changed objects that are listed. The others are only counted.
  private static let listLimit = 30

  static func render(_ validation: Validation, coloured: Bool) -> String {
    let renderer = HumanRenderer(colour: coloured) { validation.line($1, of: $0) }
    var text = ""
    for finding in validation.report.findings.inReportOrder(perFile: FindingLimit.standard) {
      text += renderer.render(finding) + "\n\n"
    }
    text += changes(validation.report)
    return text + summary(validation)
  }

  /// One line per changed object, if two revisions were compared.
  private static func changes(_ report: Report) -> String {
    guard report.base != nil else { return "" }
    let changed = report.objects.filter { $0.verdict != .unchanged }.sorted { $0.object < $1.object }
    let shown = changed.prefix(listLimit)
    let names = shown.map { TerminalText.visible("\($0.object)") }
    let width = names.map(StyledLine.width(of:)).max() ?? 0
    var text = ""
    for (object, name) in zip(shown, names) {
      let kind = object.object.kind == Wire.appKind ? "app    " : "cluster"
      let gap = String(repeating: " ", count: width - StyledLine.width(of: name))
      text += "\(kind)  \(name)\(gap)  \(object.change.rawValue): \(object.verdict.rawValue)\n"
    }
    if changed.count > shown.count { text += "… and \(changed.count - shown.count) more\n" }
    return text
  }

  private static func summary(_ validation: Validation) -> String {
    let report = validation.report
    func count(_ number: Int, _ one: String, _ many: String) -> String {
      "\(number) \(number == 1 ? one : many)"
    }
    let findings = [
      (report.count(.error), "error", "errors"), (report.count(.waiting), "waiting", "waiting"),
      (report.count(.warning), "warning", "warnings"),
    ].filter { $0.0 > 0 }.map(count)
    var text =
      "\(count(validation.clusters, "cluster", "clusters")), \(count(validation.apps, "app", "apps")): "
    text += (findings.isEmpty ? "no findings" : findings.joined(separator: ", ")) + "\n"
    if report.objects.isEmpty, validation.clusters == 0, validation.apps == 0, findings.isEmpty {
      text +=
        "is this the root of the repository? its files are in apps/ and clusters/, or in the folders that .kdops.yaml names\n"
    }
    for line in StatusWords.lines(validation) { text += TerminalText.visible(line) + "\n" }
    return text
  }
}
