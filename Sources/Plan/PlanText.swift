import Diagnostics
import KubeDirector
import Rules

/// A plan for people at a terminal: one block per cluster, one fact per line.
public struct PlanText {
  let isColoured: Bool
  /// Returns a line of a file as it was judged; nil if it is not available.
  let sourceLine: (_ file: String, _ line: Int) -> String?

  /// - Parameter sourceLine: Returns a line of a file as it was judged; nil if it is not available.
  public init(
    isColoured: Bool = false,
    sourceLine: @escaping (_ file: String, _ line: Int) -> String? = { _, _ in nil }
  ) {
    (self.isColoured, self.sourceLine) = (isColoured, sourceLine)
  }

  /// The plan as text that ends with a line feed.
  public func render(_ plan: Plan) -> String {
    var lines = [head(plan)]
    if !plan.isEmpty { lines += PlanWords.status(plan).map { styled(StyledLine($0, .dim)) } }
    for cluster in plan.clusters { lines += [""] + block(cluster) }
    if !plan.apps.isEmpty { lines += [""] + plan.apps.map(line) }
    if plan.isEmpty { lines += ["", "nothing would change"] }
    let renderer = HumanRenderer(colour: isColoured, sourceLine: sourceLine)
    for finding in plan.allFindings.inReportOrder(perFile: FindingLimit.standard) {
      lines += ["", renderer.render(finding)]
    }
    if !plan.notJudged.isEmpty {
      lines += ["", "not judged without a status: \(plan.notJudged.joined(separator: ", "))"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func head(_ plan: Plan) -> String {
    var line = StyledLine("plan \(plan.base.prefix(7))..\(plan.head.prefix(7))", .bold)
    line.append("   \(PlanWords.summary(plan))")
    return styled(line)
  }

  private func block(_ cluster: ClusterPlan) -> [String] {
    var line = StyledLine("\(cluster.reference)", .bold)
    line.append("   \(PlanWords.change(cluster))")
    line.append(cluster.verdict.rawValue, Self.style(cluster.verdict))
    var lines = [styled(line)]
    func add(_ label: String, _ text: String) {
      guard !text.isEmpty else { return }
      var line = StyledLine("  \(label)", .dim)
      line.pad(to: 12)
      line.append(text)
      lines.append(styled(line))
    }
    add("app", PlanWords.way(cluster))
    add("pods", PlanWords.pods(cluster))
    add("scripts", PlanWords.scripts(cluster))
    add("rollback", PlanWords.rollback(cluster))
    for change in cluster.changes.prefix(Self.changeLimit) { add("changes", change) }
    if cluster.changes.count > Self.changeLimit {
      add("", "… and \(cluster.changes.count - Self.changeLimit) more")
    }
    for wait in PlanWords.waits(cluster) { add("waits", wait) }
    for remark in cluster.remarks { add("note", remark) }
    if let obstacle = cluster.forecast?.obstacle { add("stops", obstacle) }
    return lines
  }

  private static let changeLimit = 12

  private func line(_ app: AppPlan) -> String {
    var line = StyledLine("app \(app.reference)")
    if let version = app.version, !app.reference.name.hasSuffix(version) { line.append(" (\(version))") }
    line.append("   \(app.change.rawValue): ")
    line.append(app.verdict.rawValue, Self.style(app.verdict))
    if !app.changes.isEmpty {
      line.append("   \(app.changes.prefix(Self.changeLimit).joined(separator: ", "))")
    }
    return styled(line)
  }

  private static func style(_ verdict: Verdict) -> StyledLine.Style {
    switch verdict {
    case .accepted: .green
    case .rejected: .red
    case .waiting, .orphaned: .yellow
    case .unchanged: .dim
    }
  }

  private func styled(_ line: StyledLine) -> String { line.text(width: .max, coloured: isColoured) }
}
