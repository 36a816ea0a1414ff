import ClusterAPI
import Diagnostics
import KubeDirector
import Values

/// A cluster's journal for people: one block per upgrade or rollback, by role, one line per pod.
public struct HistoryText {
  let width: Int
  let isColoured: Bool
  let now: Int

  /// - Parameters:
  ///   - width: The width of the terminal in cells.
  ///   - now: In whole seconds since 1970.
  public init(width: Int = 120, isColoured: Bool = false, now: Int) {
    (self.width, self.isColoured, self.now) = (width, isColoured, now)
  }

  /// The runs in the journal.
  public func lines(_ cluster: Object, _ journal: Journal) -> [String] {
    guard !journal.runs.isEmpty else {
      return [TerminalText.visible("\(cluster.objectName)   no upgrade and no rollback is recorded")]
    }
    var lines: [StyledLine] = []
    for run in journal.runs {
      if !lines.isEmpty { lines.append(StyledLine()) }
      lines.append(head(run, "\(cluster.objectName)"))
      lines += body(run)
    }
    return lines.map { $0.text(width: width, coloured: isColoured) }
  }

  private func head(_ run: Journal.Run, _ name: String) -> StyledLine {
    var line = StyledLine(name, .bold)
    line.append("   \(run.from) → \(run.to)   ")
    line.append(run.isRollback ? "rollback" : "upgrade", run.isRollback ? .yellow : nil)
    if let commit = run.commit { line.append("   commit \(commit.prefix(7))", .dim) }
    line.append("   \(Timestamp.text(run.began))   ")
    let isOpen = run.ended == nil
    let length = SecondsText.exact((run.ended ?? now) - run.began)
    if isOpen {
      line.append("for \(length), not ended", .yellow)
    } else if run.isTurnedBack {
      line.append("rolled back after \(length)", .yellow)
    } else {
      line.append("done in \(length)", .green)
    }
    return line
  }

  private func body(_ run: Journal.Run) -> [StyledLine] {
    var roles: [String] = []
    for pod in run.pods where !roles.contains(pod.role) { roles.append(pod.role) }
    let columns = Columns(run)
    var lines: [StyledLine] = []
    for role in roles {
      lines.append(StyledLine("  \(role)"))
      for pod in run.pods where pod.role == role { lines += self.lines(pod, run, columns) }
    }
    for wait in run.waits {
      var line = StyledLine("  \(wait.what)", .yellow)
      line.append("   from \(SecondsText.stopwatch(wait.at))")
      line.append(wait.took.map { " for \(SecondsText.exact($0))" } ?? ", still")
      lines.append(line)
    }
    if run.omitted > 0 {
      lines.append(StyledLine("  … and \(run.omitted) more pods, no longer recorded individually", .dim))
    }
    if run.pods.isEmpty, run.omitted == 0 { lines.append(StyledLine("  no pod was changed", .dim)) }
    if run.pods.count > 1 { lines.append(sum(run, columns)) }
    return lines
  }

  /// The phases of a pod, in chronological order.
  private static let phases: [(name: String, of: @Sendable (Journal.Pod) -> Int?)] = [
    ("replace", { $0.replace }), ("pull", { $0.pull }), ("start", { $0.start }), ("hook", { $0.hook }),
    ("waited", { $0.waited }),
  ]

  private struct Columns {
    var pod: Int
    /// The width of each phase with its duration; 0 if no pod has it.
    var phases: [Int]

    init(_ run: Journal.Run) {
      pod = run.pods.map { StyledLine.width(of: $0.pod) }.max() ?? 0
      phases = HistoryText.phases.map { phase in
        let all = run.pods.compactMap(phase.of)
        let widest = (all + (run.pods.count > 1 && !all.isEmpty ? [all.reduce(0, +)] : []))
          .map { SecondsText.exact($0).count }.max()
        return widest.map { $0 + phase.name.count + 1 } ?? 0
      }
    }
  }

  private func lines(_ pod: Journal.Pod, _ run: Journal.Run, _ columns: Columns) -> [StyledLine] {
    var line = StyledLine("    ")
    let isOpen = !pod.isDone && run.ended == nil && run.pods.last { $0.pod == pod.pod } == pod
    let cell: ClusterView.Cell =
      if pod.isDone { .done } else if isOpen { pod.stallReason == nil ? .underWay : .stuck } else { .toCome }
    line.append("\(cell.rawValue)", cell.style)
    line.append(" \(pod.pod)")
    line.pad(to: columns.pod + 8)
    line.append("\(SecondsText.stopwatch(pod.at))", .dim)
    append(Self.phases.map { $0.of(pod) }, columns, to: &line)
    let words = pod.isDone ? SecondsText.exact(pod.total) : isOpen ? "not ended" : "not finished"
    line.append("   \(words)", .bold)
    guard let stallReason = pod.stallReason else { return [line] }
    let again =
      pod.retries == 0 ? "" : pod.retries == 1 ? "; run again on request" : "; run again \(pod.retries) times"
    return [line, StyledLine("        \(stallReason)\(again)", pod.isDone ? .yellow : .red)]
  }

  private func sum(_ run: Journal.Run, _ columns: Columns) -> StyledLine {
    var line = StyledLine("  all pods")
    line.pad(to: columns.pod + 13)
    let sums = Self.phases.map { phase -> Int? in
      let all = run.pods.compactMap(phase.of)
      return all.isEmpty ? nil : all.reduce(0, +)
    }
    append(sums, columns, to: &line)
    line.append("   \(SecondsText.exact(run.pods.reduce(0) { $0 + $1.total }))", .bold)
    return line
  }

  private func append(_ durations: [Int?], _ columns: Columns, to line: inout StyledLine) {
    for (index, duration) in durations.enumerated() where columns.phases[index] > 0 {
      let end = line.width + 3 + columns.phases[index]
      guard let duration else {
        line.pad(to: end)
        continue
      }
      let words = SecondsText.exact(duration)
      let gap = columns.phases[index] - Self.phases[index].name.count - words.count
      line.append("   \(Self.phases[index].name)\(String(repeating: " ", count: max(1, gap)))", .dim)
      line.append(words)
    }
  }
}

/// A cluster's journal for programs.
public enum HistoryJSON {
  /// The journal as a JSON tree.
  public static func json(_ cluster: Object, _ journal: Journal) -> JSON {
    [
      "schemaVersion": 1, "namespace": .string(cluster.namespace), "name": .string(cluster.name),
      "journal": journal.json,
    ]
  }
}
