import Foundation
import TestSupport

/// A page of the documentation whose commands are run, and whose prints are therefore true.
///
/// Played are blocks marked `console`: a line that begins with `$ ` is a command, what follows is what it prints, on
/// both streams, and `# exit 1` behind it where it fails.
struct PlayedPage {
  enum Part {
    /// Lines that stay as they are, the fences of blocks among them.
    case prose([String])
    case step(command: String, printed: [String])
  }

  private(set) var parts: [Part] = []

  init(_ text: String) {
    var isPlayed = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if line.hasPrefix("```") { isPlayed = line == "```console" }
      if isPlayed, line.hasPrefix("$ ") {
        parts.append(.step(command: String(line.dropFirst(2)), printed: []))
      } else if isPlayed, case .step(let command, let printed) = parts.last {
        parts[parts.count - 1] = .step(command: command, printed: printed + [line])
      } else if case .prose(let lines) = parts.last {
        parts[parts.count - 1] = .prose(lines + [line])
      } else {
        parts.append(.prose([line]))
      }
    }
  }

  var text: String {
    parts.flatMap { part in
      switch part {
      case .prose(let lines): lines
      case .step(let command, let printed): ["$ \(command)"] + printed
      }
    }.joined(separator: "\n")
  }

  /// The same page as it is played in a folder, and what differs from what it says; ids and durations may.
  ///
  /// - Parameters:
  ///   - folder: the home of whoever plays, where the first command is run.
  ///   - environment: added to that of the tests.
  func played(
    in folder: String, environment: [String: String]
  ) async throws -> (page: PlayedPage, differences: [String]) {
    var page = self
    var differences: [String] = []
    var place = folder
    for (index, part) in parts.enumerated() {
      guard case .step(let command, let expected) = part else { continue }
      let script =
        "cd \"$1\" || exit\n{ \(command)\n} 2>&1\ncode=$?\n((code)) && echo \"# exit $code\"\npwd >\"$2\""
      let printed = try await Tool.run(
        ["bash", "-c", script, "bash", place, "\(folder)/.place"], environment: environment)
      place = try String(contentsOfFile: "\(folder)/.place", encoding: .utf8).filter { $0 != "\n" }
      let lines =
        printed.isEmpty
        ? []
        : printed.replacing(folder, with: "~").split(
          separator: "\n", omittingEmptySubsequences: false
        ).map { line in
          // Marks of a page that an editor would take away.
          String(line.reversed().drop { $0 == " " }.reversed())
        }
      page.parts[index] = .step(command: command, printed: lines)
      guard Self.lasting(lines) != Self.lasting(expected) else { continue }
      differences.append(
        "$ \(command)\nthe page says:\n\(expected.joined(separator: "\n"))\nit prints:\n\(lines.joined(separator: "\n"))"
      )
    }
    return (page, differences)
  }

  /// What is the same in every run: no ids and no durations, and lines in whatever order, since roles go side by side.
  private static func lasting(_ lines: [String]) -> [String] {
    lines.map { line in
      line.replacing(/\b[0-9a-f]{7,40}\b/, with: "<id>")
        .replacing(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^ ]*/, with: "<time>")
        .replacing(/\bDate: .*/, with: "<time>")
        .replacing(/\b\d+(\.\d+)? ?(ms|s|min|h|days)\b/, with: "<duration>")
        .replacing(/\b\d\d:\d\d(\.\d+)?\b/, with: "<duration>")
        .replacing(/[ ]+/, with: " ")
    }.sorted()
  }
}
