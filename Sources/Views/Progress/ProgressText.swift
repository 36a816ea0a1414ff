import Diagnostics
import Values

/// Draws clusters for a terminal: one line per role, one cell per pod. Pure: the same input gives the same
/// lines.
public struct ProgressText {
  let width: Int
  let height: Int
  let isColoured: Bool

  /// - Parameters:
  ///   - width: The width of the terminal in cells.
  ///   - height: The maximum number of lines.
  public init(width: Int = 100, height: Int = 40, isColoured: Bool = false) {
    (self.width, self.height, self.isColoured) = (width, height, isColoured)
  }

  /// The clusters that change, and the number of configured ones.
  ///
  /// - Parameter now: In whole seconds since 1970.
  public func lines(_ clusters: [ClusterView], now: Int) -> [String] {
    let busy = clusters.filter { $0.state != .configured }
      .sorted { ($0.state.rawValue, $0.name) < ($1.state.rawValue, $1.name) }
    let columns = Columns(busy)
    var lines: [String] = []
    var shown = 0
    for cluster in busy {
      let block = draw(cluster, columns, now)
      // Two lines are reserved for the count of omitted clusters and of configured ones.
      if lines.count + block.count > height - 2 { break }
      lines += block
      shown += 1
    }
    if shown < busy.count { lines.append(styled(StyledLine(rest(busy[shown...]), .dim))) }
    let configured = clusters.filter { $0.state == .configured }.map(\.name).sorted()
    if !configured.isEmpty { lines.append(styled(StyledLine(Self.configured(configured), .dim))) }
    return lines
  }

  /// The number of configured clusters and their names, of which a line shows as many as fit.
  private static func configured(_ names: [String]) -> String {
    let count = names.count == 1 ? "1 cluster" : "\(names.count) clusters"
    return "\(count) configured: \(names.prefix(mostNames).joined(separator: ", "))"
      + (names.count > mostNames ? ", …" : "")
  }

  /// More names do not fit any terminal.
  private static let mostNames = 50

  /// One cluster, even if it is configured. Lines past `height` are left out.
  ///
  /// - Parameter now: In whole seconds since 1970.
  public func lines(_ cluster: ClusterView, now: Int) -> [String] {
    Array(draw(cluster, Columns([cluster]), now).prefix(height))
  }

  private struct Columns {
    var name: Int
    var cells: Int

    init(_ clusters: [ClusterView]) {
      func widest(_ texts: some Sequence<String>) -> Int { texts.map(StyledLine.width(of:)).max() ?? 0 }
      name = min(36, max(widest(clusters.map(\.name)), 2 + widest(clusters.flatMap(\.roles).map(\.id))))
      cells = min(23, max(9, clusters.flatMap(\.roles).map { ProgressText.cells($0).width }.max() ?? 0))
    }
  }

  private func rest(_ clusters: ArraySlice<ClusterView>) -> String {
    let counts = ClusterView.State.allCases.compactMap { state -> String? in
      let count = clusters.count { $0.state == state }
      return count == 0 ? nil : "\(count) \(state.word)"
    }
    return "… and \(clusters.count) more: \(counts.joined(separator: ", "))"
  }

  private func draw(_ cluster: ClusterView, _ columns: Columns, _ now: Int) -> [String] {
    [head(cluster, columns, now)] + cluster.roles.map { role($0, columns, now) }
      + (cluster.remedyCommand.map { remedyCommand($0, indent: columns.name + columns.cells + 14) } ?? [])
  }

  private func head(_ cluster: ClusterView, _ columns: Columns, _ now: Int) -> String {
    var line = StyledLine(StyledLine.cut(cluster.name, to: columns.name), .bold)
    line.pad(to: columns.name + 3)
    line.append(cluster.fromApp.map { "\($0) → \(cluster.app)" } ?? cluster.app)
    if let word = word(cluster) { line.append("   \(word.text)", word.style) }
    if cluster.isSuspended { line.append("   suspended", .yellow) }
    if let commit = cluster.commit { line.append("   commit \(commit)", .dim) }
    let time = cluster.since.map { SecondsText.stopwatch(now - $0) }
    let end = min(width, 110)
    if let subject = cluster.subject, !subject.isEmpty {
      let space = end - line.width - 3 - (time.map { $0.count + 3 } ?? 0)
      if space > 8 { line.append(" \"\(StyledLine.cut(subject, to: space))\"", .dim) }
    }
    if let time, line.width + time.count + 3 <= end {
      line.pad(to: end - time.count)
      line.append(time)
    }
    return styled(line)
  }

  private func word(_ cluster: ClusterView) -> (text: String, style: StyledLine.Style)? {
    switch cluster.state {
    case .rollingBack: ("rolling back", .yellow)
    case .stalled: (cluster.state.word, .red)
    case .configured: ("configured", .green)
    case .upgrading, .changing: nil
    }
  }

  private func role(_ role: ClusterView.Role, _ columns: Columns, _ now: Int) -> String {
    var line = StyledLine("  \(StyledLine.cut(role.id, to: columns.name - 2))")
    line.pad(to: columns.name + 3)
    let start = line.width
    for (text, style) in Self.cells(role).parts { line.append(text, style) }
    line.pad(to: start + columns.cells + 2)
    guard let count = role.count else {
      line.append(role.words, .dim)
      return styled(line)
    }
    let numbers = "\(count.done)/\(count.total)"
    line.append(String(repeating: " ", count: max(0, 7 - numbers.count)) + numbers)
    if !role.words.isEmpty { line.append("  \(role.words)", role.isStalled ? .red : nil) }
    if let since = role.since, now - since > 2 { line.append(" (\(now - since) s)") }
    return styled(line)
  }

  /// The cells, separated by spaces. If there are too many members, runs of equal cells are counted.
  private static func cells(_ role: ClusterView.Role) -> (parts: [(String, StyledLine.Style?)], width: Int) {
    var parts: [(String, StyledLine.Style?)] = []
    if role.cells.count <= 12 {
      parts = role.cells.map { ("\($0.rawValue) ", $0.style) }
    } else {
      var rest = role.cells[...]
      while let cell = rest.first {
        let run = rest.prefix { $0 == cell }.count
        parts.append(("\(cell.rawValue)\(run > 1 ? "×\(run)" : "") ", cell.style))
        rest = rest.dropFirst(run)
      }
    }
    return (parts, max(0, parts.reduce(0) { $0 + StyledLine.width(of: $1.0) } - 1))
  }

  /// The remediation command. It is never cut off, so that it can be copied: on a narrow terminal it is
  /// broken with shell line continuations.
  private func remedyCommand(_ command: String, indent: Int) -> [String] {
    let text = "resolve: \(command)"
    if indent + text.count <= width { return [String(repeating: " ", count: indent) + text] }
    if 4 + text.count <= width { return ["    " + text] }
    return ["    resolve:"] + Self.broken(command, to: width - 2)
  }

  /// A command on as many lines as it needs, which can be pasted as a whole.
  static func broken(_ command: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = "     "
    for word in command.split(separator: " ") {
      if line.count + 1 + word.count > width, line.count > 5 {
        lines.append(line + " \\")
        line = "     "
      }
      line += " " + word
    }
    return lines + [line]
  }

  private func styled(_ line: StyledLine) -> String { line.text(width: width, coloured: isColoured) }
}
