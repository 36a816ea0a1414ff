import Diagnostics

/// A checkup for people: a line for each check, and below it the fix.
struct CheckupText {
  let isColoured: Bool

  func lines(_ checkup: Checkup) -> [String] {
    let column = 2 + (checkup.checks.map { title($0.subject).count }.max() ?? 0) + 2
    var lines: [String] = []
    for check in checkup.checks {
      let (symbol, style) = sign(check.result)
      var line = StyledLine(symbol, style)
      line.append(" \(title(check.subject))", .bold)
      line.pad(to: column)
      line.append(check.message, check.result == .skipped ? .dim : nil)
      lines.append(text(line))
      if let fix = check.fix {
        lines.append(text(StyledLine(String(repeating: " ", count: column) + "fix: \(fix)")))
      }
    }
    return lines + ["", text(summary(checkup))]
  }

  private func summary(_ checkup: Checkup) -> StyledLine {
    let (failed, warnings) = (checkup.count(.failed), checkup.count(.warning))
    var parts: [String] = []
    if failed > 0 { parts.append(failed == 1 ? "1 check failed" : "\(failed) checks failed") }
    if warnings > 0 { parts.append(warnings == 1 ? "1 warning" : "\(warnings) warnings") }
    if parts.isEmpty { return StyledLine("everything that was checked is in order", .green) }
    return StyledLine(parts.joined(separator: ", "), failed > 0 ? .red : .yellow)
  }

  private func title(_ subject: Checkup.Check.Subject) -> String {
    switch subject {
    case .configuration: "configuration"
    case .git: "git access"
    case .apiServer: "API server"
    case .rbac: "RBAC"
    case .bubblewrap: "bubblewrap"
    case .signatures: "signatures"
    case .clock: "clock"
    case .disk: "disk"
    case .build: "kdops"
    case .libgit2: "libgit2"
    case .gitProgram: "git"
    case .kernel: "kernel"
    }
  }

  private func sign(_ result: Checkup.Check.Result) -> (String, StyledLine.Style) {
    switch result {
    case .ok: ("✓", .green)
    case .warning: ("!", .yellow)
    case .failed: ("✗", .red)
    case .skipped: ("–", .dim)
    }
  }

  private func text(_ line: StyledLine) -> String { line.text(width: .max, coloured: isColoured) }
}
