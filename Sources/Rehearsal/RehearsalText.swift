import Diagnostics
import KubeDirector

/// A rehearsal for people: one line per action on a pod, then the failures.
public struct RehearsalText: Sendable {
  let isColoured: Bool

  /// - Parameter isColoured: Whether the text is for a terminal that shows colours.
  public init(isColoured: Bool = false) { self.isColoured = isColoured }

  /// The heading of one act.
  public func head(_ act: RehearsalAct) -> String {
    let names = act.subjects.prefix(3).map { subject in
      guard let from = subject.origin?.spec.app else {
        return "\(subject.cluster) of \(subject.goal.spec.app)"
      }
      let to = subject.goal.spec.app
      return from == to ? "\(subject.cluster) of \(to)" : "\(subject.cluster) \(from) → \(to)"
    }
    let rest = act.subjects.count - names.count
    let more = rest > 0 ? ", and \(rest) more" : ""
    let way = act.kind == .forward ? "forward, to the end" : "to the middle, and back"
    return styled(StyledLine("── \(way): \(names.joined(separator: ", "))\(more)", .bold))
  }

  /// `  +3.8 s  prod/analytics-worker-2   --pod_upgraded   0.6 s   exit 0`.
  public func line(_ entry: Timeline.Entry, width: Int = 28) -> String {
    var line = StyledLine("  ")
    let at = "+\(Self.seconds(entry.at))"
    line.append(String(repeating: " ", count: max(0, 9 - at.count)) + at, .dim)
    line.append("  \(entry.cluster.namespace)/\(entry.pod)")
    line.pad(to: 14 + width)
    line.append(Self.words(entry))
    line.pad(to: 34 + width)
    line.append(Self.seconds(entry.took))
    if let code = entry.exitCode { line.append("   exit \(code)", code == 0 ? .green : .red) }
    if let stallReason = entry.stallReason { line.append("   \(stallReason)", .red) }
    return styled(line)
  }

  /// The result of one act.
  public func foot(_ report: ActReport) -> [String] {
    let took = Self.seconds(report.took)
    guard !report.failures.isEmpty else {
      return [styled(StyledLine("  passed in \(took)", .green))]
    }
    var lines: [String] = []
    for failure in report.failures {
      lines.append(styled(StyledLine("  ✗ \(failure.cluster): \(failure.message)", .red)))
      for text in failure.output { lines.append(styled(StyledLine("      | \(text)"))) }
      if let hint = failure.hint { lines.append(styled(StyledLine("    help: \(hint)"))) }
    }
    return lines + [styled(StyledLine("  failed after \(took)", .red))]
  }

  /// The result of the whole rehearsal.
  public func summary(_ report: RehearsalReport) -> [String] {
    var lines = report.omitted.map { styled(StyledLine("not rehearsed: \($0)", .yellow)) }
    let failures = report.acts.reduce(0) { $0 + $1.failures.count }
    if report.acts.isEmpty {
      lines.append("nothing was rehearsed")
    } else if failures == 0 {
      lines.append(styled(StyledLine("rehearsal passed", .green)))
    } else {
      lines.append(
        styled(StyledLine("rehearsal failed: \(failures) of its clusters failed", .red)))
    }
    return lines
  }

  /// `0.6 s`, `83.0 s`.
  static func seconds(_ duration: Duration) -> String {
    let parts = duration.components
    let tenths = parts.seconds * 10 + (parts.attoseconds + 50_000_000_000_000_000) / 100_000_000_000_000_000
    return "\(tenths / 10).\(tenths % 10) s"
  }

  static func words(_ entry: Timeline.Entry) -> String {
    switch entry.step {
    case .made where entry.stallReason != nil, .replaced where entry.stallReason != nil: "not started"
    case .made: "set up"
    case .replaced: "replaced"
    case .script(let event): event.argument
    case .removed: "deleted"
    }
  }

  private func styled(_ line: StyledLine) -> String { line.text(width: .max, coloured: isColoured) }
}
