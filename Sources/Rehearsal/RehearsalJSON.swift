import Diagnostics
import KubeDirector
import Values

/// A rehearsal for programs. All durations are in seconds.
public enum RehearsalJSON {
  static let schemaVersion = 1

  /// The report as text that ends with a line feed.
  public static func render(_ report: RehearsalReport) -> String { json(report).text(pretty: true) + "\n" }

  static func json(_ report: RehearsalReport) -> JSON {
    [
      "schemaVersion": JSON(schemaVersion), "base": .string(report.base), "head": .string(report.head),
      "passed": .bool(report.hasPassed), "acts": .array(report.acts.map(json)),
      "notRehearsed": JSON(report.omitted),
    ]
  }

  private static func json(_ act: ActReport) -> JSON {
    [
      "name": .string(act.kind.rawValue), "clusters": JSON(act.clusters.map { "\($0)" }),
      "passed": .bool(act.failures.isEmpty), "seconds": seconds(act.took),
      "failures": .array(
        act.failures.map { failure in
          [
            "cluster": .string("\(failure.cluster)"), "message": .string(failure.message),
            "hint": JSON(failure.hint), "output": JSON(failure.output),
          ]
        }),
      "timeline": .array(act.entries.map(json)),
    ]
  }

  private static func json(_ entry: Timeline.Entry) -> JSON {
    var event: String?
    if case .script(let name) = entry.step { event = name.rawValue }
    let step =
      switch entry.step {
      case .made: "made"
      case .replaced: "replaced"
      case .script: "script"
      case .removed: "removed"
      }
    return [
      "at": seconds(entry.at), "seconds": seconds(entry.took), "cluster": .string("\(entry.cluster)"),
      "role": .string(entry.role), "pod": .string(entry.pod), "step": .string(step), "event": JSON(event),
      "exitCode": entry.exitCode.map { JSON($0) } ?? .null, "trouble": JSON(entry.stallReason),
    ]
  }

  private static func seconds(_ duration: Duration) -> JSON {
    .number((duration / .milliseconds(1)).rounded() / 1000)
  }
}
