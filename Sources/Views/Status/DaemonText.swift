import Diagnostics
import KubeDirector
import Reports
import Values

/// Describes for people whether a daemon runs and its last actions.
public struct DaemonText {
  let width: Int
  let isColoured: Bool
  let now: Int

  /// - Parameters:
  ///   - width: The width of the terminal in cells.
  ///   - now: In whole seconds since 1970.
  public init(width: Int = 120, isColoured: Bool = false, now: Int) {
    (self.width, self.isColoured, self.now) = (width, isColoured, now)
  }

  /// One line, and a second one if a problem prevents the daemon from working.
  public func lines(_ daemon: DaemonState) -> [String] {
    var lines: [StyledLine] = []
    switch daemon.life {
    case .running:
      var line = StyledLine("daemon running", .dim)
      append(daemon, to: &line)
      lines.append(line)
    case .notRunning(let seen):
      var line = StyledLine("no daemon runs", .red)
      if let seen { line.append("   last seen \(Timestamp.text(seen)), \(ago(seen))") }
      append(daemon, to: &line)
      lines.append(line)
      lines += BlockedChangeText.wrapped(
        "this is the state that the last daemon left, and nothing is in progress: start a daemon with kdops run",
        to: max(20, width - 2)
      ).map { StyledLine("  \($0)", .yellow) }
    case .unknown(let reason):
      lines += BlockedChangeText.wrapped(
        "it is unknown whether a daemon runs: \(reason)", to: max(20, width - 2)
      )
      .map { StyledLine($0, .dim) }
    }
    if let problem = daemon.problem {
      lines += BlockedChangeText.wrapped(problem, to: max(20, width - 2)).map { StyledLine("  \($0)", .red) }
    }
    return lines.map { $0.text(width: width, coloured: isColoured) }
  }

  private func append(_ daemon: DaemonState, to line: inout StyledLine) {
    line.append("   \(daemon.fetched.map { "last fetch \(ago($0))" } ?? "nothing fetched yet")", .dim)
    line.append("   \(daemon.written.map { "last status \(ago($0))" } ?? "no status written yet")", .dim)
  }

  private func ago(_ time: Int) -> String { "\(SecondsText.exact(now - time)) ago" }
}
