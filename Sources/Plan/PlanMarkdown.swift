import Diagnostics
import KubeDirector
import Reports
import Rules

/// A plan as a comment on a merge request, in the Markdown that GitHub and GitLab share.
public enum PlanMarkdown {
  /// An invisible first line, so that a job can find its own comment and edit it.
  static let marker = CommentMarker.plan
  /// The maximum length. GitHub accepts 65,536 characters; a job may add text of its own.
  public static let limit = 60_000

  /// The comment, at most `limit` bytes long. What does not fit is counted; rejected and waiting changes come
  /// first.
  public static func render(_ plan: Plan, limit: Int = limit) -> String {
    let summary = PlanWords.summary(plan)
    var text = "\(marker)\n### kdops plan · \(summary)\n\n"
    if plan.isEmpty { text += "Nothing would change.\n\n" }
    let foot = foot(plan)
    var space = limit - text.utf8.count - foot.utf8.count - reserve
    let clusters = plan.clusters.enumerated().sorted {
      (rank($0.element.verdict), $0.offset) < (rank($1.element.verdict), $1.offset)
    }.map(\.element)
    // Findings show what has to be fixed, so they get space before the rows of accepted changes.
    let findings = fit(plan.allFindings.map(item), into: space / 2)
    space -= findings.text.utf8.count
    text += table(
      rows(clusters),
      "| cluster | change | pods, in order | scripts | rollback |\n|---|---|---|---|---|\n",
      ("row", "rows"), &space)
    text += table(
      plan.apps.map(row), "| app | change | version |\n|---|---|---|\n", ("app", "apps"), &space)
    if !findings.text.isEmpty { text += "\(findings.text)\(more(findings.left, ("finding", "findings")))\n" }
    return text + foot
  }

  /// Space for table headings and the counts of omitted rows.
  private static let reserve = 1_000

  private static func rank(_ verdict: Verdict) -> Int {
    switch verdict {
    case .rejected: 0
    case .waiting: 1
    case .orphaned: 2
    case .accepted, .unchanged: 3
    }
  }

  // MARK: Parts

  private static func table(
    _ rows: [String], _ head: String, _ words: (String, String), _ space: inout Int
  ) -> String {
    guard !rows.isEmpty else { return "" }
    let shown = fit(rows, into: space)
    space -= shown.text.utf8.count
    return head + shown.text + more(shown.left, words).prefixed("\n") + "\n"
  }

  private static func fit(_ items: [String], into space: Int) -> (text: String, left: Int) {
    var text = ""
    for (index, item) in items.enumerated() {
      if text.utf8.count + item.utf8.count > space { return (text, items.count - index) }
      text += item
    }
    return (text, 0)
  }

  private static func more(_ count: Int, _ words: (String, String)) -> String {
    count == 0 ? "" : "… and \(PlanWords.counted(count, words)) more, which `kdops plan` shows\n"
  }

  /// One row per cluster. If there are many, clusters with the same effect share a row.
  private static func rows(_ clusters: [ClusterPlan]) -> [String] {
    var rows: [(outcome: String, names: [String])] = []
    var places: [String: Int] = [:]
    for cluster in clusters {
      let (outcome, name) = (outcome(cluster), MarkdownText.escaped("\(cluster.reference)"))
      if clusters.count > groupLimit, let place = places[outcome] {
        rows[place].names.append(name)
      } else {
        places[outcome] = rows.count
        rows.append((outcome, [name]))
      }
    }
    return rows.map { outcome, names in
      let rest = names.count > nameLimit ? " and \(names.count - nameLimit) more" : ""
      return "| \(names.prefix(nameLimit).joined(separator: ", "))\(rest) | \(outcome) |\n"
    }
  }

  /// The maximum number of clusters with a row each, and of names in a row.
  private static let groupLimit = 12
  private static let nameLimit = 8

  /// The effect on a cluster: every cell but the first.
  private static func outcome(_ cluster: ClusterPlan) -> String {
    var change = MarkdownText.escaped(PlanWords.way(cluster))
    if cluster.change != .upgrade { change = "\(PlanWords.change(cluster))\(change)" }
    if !cluster.changes.isEmpty {
      change += "<br>" + MarkdownText.escaped(PlanWords.brief(cluster.changes))
    }
    switch cluster.verdict {
    case .rejected: change += (change.isEmpty ? "" : "<br>") + "**rejected**"
    case .orphaned: change += "<br>**orphaned**"
    case .waiting:
      let waits = PlanWords.waits(cluster).map(MarkdownText.escaped).joined(separator: "<br>")
      change += "<br>**waits** \(waits)"
    case .accepted, .unchanged: break
    }
    for remark in cluster.remarks { change += "<br>\(MarkdownText.escaped(remark))" }
    if let obstacle = cluster.forecast?.obstacle {
      change += "<br>**stops**: \(MarkdownText.escaped(obstacle))"
    }
    let cells = [
      change, MarkdownText.escaped(PlanWords.pods(cluster)),
      MarkdownText.escaped(PlanWords.scripts(cluster)), MarkdownText.escaped(PlanWords.rollback(cluster)),
    ]
    return cells.joined(separator: " | ")
  }

  private static func row(_ app: AppPlan) -> String {
    var change = app.change.rawValue
    if app.verdict != .accepted { change += ": **\(app.verdict.rawValue)**" }
    if !app.changes.isEmpty { change += "<br>" + MarkdownText.escaped(PlanWords.brief(app.changes)) }
    let cells = [
      MarkdownText.escaped("\(app.reference)"), change, MarkdownText.escaped(app.version ?? ""),
    ]
    return "| \(cells.joined(separator: " | ")) |\n"
  }

  private static func item(_ finding: Diagnostic) -> String {
    var text = "- **\(finding.severity.rawValue)** \(MarkdownText.code(finding.rule))"
    if let place = finding.location { text += " in \(MarkdownText.code("\(place.file):\(place.line)"))" }
    text += ": \(MarkdownText.escaped(finding.message))"
    if let hint = finding.hint { text += "<br>help: \(MarkdownText.code(hint))" }
    return text + "\n"
  }

  private static func foot(_ plan: Plan) -> String {
    let (base, head) = (
      MarkdownText.escaped("\(plan.base.prefix(7))"), MarkdownText.escaped("\(plan.head.prefix(7))")
    )
    // The name of the status's cluster comes from the repository, where others may write it, so it is
    // escaped.
    let status = PlanWords.status(plan).map(MarkdownText.escaped).joined(separator: "; ")
    var text = "<sub>\(base) → \(head) · \(status)"
    if !plan.notJudged.isEmpty { text += " · not judged: \(plan.notJudged.joined(separator: ", "))" }
    return text + "</sub>\n"
  }
}

extension String {
  fileprivate func prefixed(_ prefix: String) -> String { isEmpty ? "" : prefix + self }
}
