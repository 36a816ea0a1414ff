import Diagnostics
import KubeDirector
import Values

/// The state of the repository, as a screen shows it.
public struct RepositoryView: Hashable, Sendable {
  /// When the last successful fetch ended, in whole seconds since 1970; nil before the first one.
  public var fetched: Int?
  /// Why the last fetch failed; nil if it did not.
  public var problem: String?
  /// The commit that is reconciled; nil before the first one.
  public var head: String?
  /// The first line of its message.
  public var subject: String?

  public init(
    fetched: Int? = nil, problem: String? = nil, head: String? = nil, subject: String? = nil
  ) {
    (self.fetched, self.problem, self.head, self.subject) = (fetched, problem, head, subject)
  }
}

/// The lines above and below the clusters on a screen that is updated in place. Pure.
public struct FrameText {
  let width: Int
  let isColoured: Bool

  /// - Parameter width: The width of the terminal in cells.
  public init(width: Int = 100, isColoured: Bool = false) {
    (self.width, self.isColoured) = (width, isColoured)
  }

  /// The time, the last fetch and the head; below them the error of the last fetch, if it failed.
  ///
  /// - Parameter now: In whole seconds since 1970.
  public func header(_ repository: RepositoryView, now: Int) -> [String] {
    var line = StyledLine(Timestamp.text(now), .bold)
    if let fetched = repository.fetched {
      line.append("   last fetch \(SecondsText.exact(now - fetched)) ago")
    }
    if let head = repository.head { line.append("   head \(head.prefix(7))") }
    if let subject = repository.subject, !subject.isEmpty { line.append(" \"\(subject)\"", .dim) }
    let problem = repository.problem.map {
      BlockedChangeText.wrapped("the repository cannot be fetched: \($0)", to: max(20, width - 2))
    }
    return [styled(line)] + (problem ?? []).map { styled(StyledLine("  \($0)", .red)) }
  }

  /// The meaning of the cells.
  public var legend: String {
    var line = StyledLine()
    for cell in ClusterView.Cell.allCases {
      if line.width > 0 { line.append("   ") }
      line.append(String(cell.rawValue), cell.style)
      line.append(" \(cell.word)", .dim)
    }
    return styled(line)
  }

  private func styled(_ line: StyledLine) -> String { line.text(width: width, coloured: isColoured) }
}
