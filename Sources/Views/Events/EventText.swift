import ClusterAPI
import Diagnostics
import KubeDirector
import Values

/// Shows events to people: one aligned line each, with the message below it if it does not fit beside it.
public struct EventText {
  let width: Int
  let isColoured: Bool
  let now: Int

  /// - Parameters:
  ///   - width: The width of the terminal in cells.
  ///   - now: In whole seconds since 1970.
  public init(width: Int = 120, isColoured: Bool = false, now: Int) {
    (self.width, self.isColoured, self.now) = (width, isColoured, now)
  }

  /// - Parameter wide: Whether the first time and the number of times are shown too.
  public func lines(_ events: [ClusterEvent], wide: Bool = false) -> [String] {
    guard !events.isEmpty else { return ["no events"] }
    let ages = events.map { age($0, wide) }
    let names = events.map { Self.name($0) }
    let (first, reason, name) = (Self.widest(ages), Self.widest(events.map(\.reason)), Self.widest(names))
    var lines: [StyledLine] = []
    for (index, event) in events.enumerated() {
      var line = StyledLine(ages[index], .dim)
      line.pad(to: first + 3)
      line.append(event.isWarning ? "Warning" : "Normal", event.isWarning ? .yellow : nil)
      line.pad(to: first + 13)
      line.append(event.reason)
      line.pad(to: first + reason + 16)
      line.append(names[index], .bold)
      line.pad(to: first + reason + name + 19)
      if line.width + StyledLine.width(of: event.message) <= width {
        line.append(event.message)
        lines.append(line)
      } else {
        lines.append(line)
        lines += BlockedChangeText.wrapped(event.message, to: max(20, width - 4)).map {
          StyledLine("    \($0)")
        }
      }
    }
    return lines.map { $0.text(width: width, coloured: isColoured) }
  }

  private static func widest(_ texts: [String]) -> Int {
    min(60, texts.map(StyledLine.width(of:)).max() ?? 0)
  }

  private func age(_ event: ClusterEvent, _ wide: Bool) -> String {
    let last = event.lastSeen.map { "\(SecondsText.exact(now - $0)) ago" } ?? "unknown"
    guard event.count > 1 else { return last }
    guard wide, let first = event.first else { return "\(last) (×\(event.count))" }
    return "\(last) (×\(event.count) over \(SecondsText.exact(now - first)))"
  }

  /// `prod/analytics`, and for other kinds `prod/pod/analytics-worker-2`.
  private static func name(_ event: ClusterEvent) -> String {
    let about = event.about
    guard about.kind != Wire.clusterKind else { return "\(about.namespace)/\(about.name)" }
    let kind = about.kind == Wire.appKind ? "app" : about.kind.lowercased()
    return "\(about.namespace)/\(kind)/\(about.name)"
  }
}
