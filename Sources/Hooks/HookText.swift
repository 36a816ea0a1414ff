import Diagnostics
import Validation

/// Renders the terminal output of a hook: at most one screen.
public struct HookText {
  let name: HookName
  let isColoured: Bool

  /// - Parameter name: The hook that prints the output.
  public init(name: HookName, isColoured: Bool) { (self.name, self.isColoured) = (name, isColoured) }

  /// The maximum number of lines for findings if a change is refused, and if all changes pass.
  private static let refusalLines = 16
  private static let passLines = 8
  /// The maximum number of changed objects that are listed, and of branches.
  private static let changesAtMost = 5
  private static let branchesAtMost = 3

  /// The lines about the judged changes.
  ///
  /// - Returns: Empty if nothing that kdops manages was changed.
  public func lines(_ judged: [HookRun.Judged]) -> [String] {
    let refused = judged.filter { $0.validation.report.count(.error) > 0 }
    // If a change was refused, only the refused ones are shown. The others are shown once all pass.
    let shown = (refused.isEmpty ? judged : refused).filter {
      !$0.validation.isEventless || $0.note != nil
    }
    guard let first = shown.first else { return [] }
    var space = refused.isEmpty ? Self.passLines : Self.refusalLines
    var lines: [String] = []
    for one in shown { lines += findings(of: one, &space) }
    for one in shown.prefix(Self.branchesAtMost) {
      lines += outcome(of: one, isOneOfSeveral: shown.count > 1)
    }
    if shown.count > Self.branchesAtMost {
      lines.append("kdops: the same for \(shown.count - Self.branchesAtMost) more branches")
    }
    lines += shown.compactMap { $0.note.map { "kdops: \($0)" } }
    return lines
      + StatusWords.lines(first.validation, isServer: name == .preReceive).map {
        "kdops: \(TerminalText.visible($0))"
      }
  }

  // MARK: Findings

  /// The most severe findings first, as many as fit; always at least one.
  private func findings(of judged: HookRun.Judged, _ space: inout Int) -> [String] {
    let renderer = HumanRenderer(colour: isColoured) { judged.validation.line($1, of: $0) }
    let all = judged.validation.report.findings.inReportOrder(perFile: FindingLimit.standard)
    let sorted = Severity.allCases.sorted(by: >).flatMap { one in all.filter { $0.severity == one } }
    var lines: [String] = []
    var shown = 0
    for finding in sorted {
      let block = renderer.render(finding).split(separator: "\n", omittingEmptySubsequences: false)
      guard shown == 0 || block.count + 1 <= space else { break }
      space -= block.count + 1
      lines += block.map(String.init) + [""]
      shown += 1
    }
    guard shown < sorted.count else { return lines }
    let rest = counted(sorted[shown...].map(\.severity), "more ")
    return lines + ["… and \(rest); all of them: \(judged.command)", ""]
  }

  /// `2 more errors, 1 more warning`.
  private func counted(_ severities: [Severity], _ more: String = "") -> String {
    Severity.allCases.sorted(by: >).compactMap { severity in
      let count = severities.count { $0 == severity }
      if count == 0 { return nil }
      switch severity {
      case .error: return "\(count) \(more)\(count == 1 ? "error" : "errors")"
      case .warning: return "\(count) \(more)\(count == 1 ? "warning" : "warnings")"
      case .waiting: return "\(count) \(more)waiting"
      }
    }.joined(separator: ", ")
  }

  // MARK: Outcome

  private func outcome(of judged: HookRun.Judged, isOneOfSeveral: Bool) -> [String] {
    let report = judged.validation.report
    let errors = report.count(.error)
    if errors > 0 {
      let count = counted(Array(repeating: .error, count: errors))
      let place = judged.branch.map { " to \(TerminalText.visible($0))" } ?? ""
      switch name {
      case .preCommit where judged.isCommitted:
        return ["kdops: refused, \(count). Fix the findings above in another commit"]
      case .preCommit, .preMergeCommit:
        return ["kdops: not committed, \(count). Fix the findings above, `git add` it and commit again"]
      case .prePush:
        return ["kdops: not pushed\(place), \(count). Fix the findings above, commit it and push again"]
      case .preReceive:
        return [
          "kdops: nothing of this push\(place) was accepted, \(count). Fix the findings above, commit it and push again"
        ]
      }
    }
    let changed = report.objects.filter { $0.verdict != .unchanged }.sorted { $0.object < $1.object }
    let words = changed.prefix(Self.changesAtMost).map {
      TerminalText.visible("\($0.object) \($0.change.rawValue) \($0.verdict.rawValue)")
    }
    if changed.isEmpty { return [] }
    let rest = changed.count > words.count ? ["… and \(changed.count - words.count) more"] : []
    let place = isOneOfSeveral ? judged.branch.map { "\(TerminalText.visible($0)): " } ?? "" : ""
    return ["kdops: \(place)" + (words + rest).joined(separator: ", ")]
  }
}

extension Validation {
  /// Whether there is nothing to report: no object changed and there are no findings.
  var isEventless: Bool {
    report.findings.isEmpty && report.objects.allSatisfy { $0.verdict == .unchanged }
  }
}
