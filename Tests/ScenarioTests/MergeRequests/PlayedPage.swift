import Foundation
import TestSupport

/// A page of the documentation whose commands are run, so that the output that it shows is real.
///
/// It runs blocks marked `console`: a line that begins with `$ ` is a command; the lines after it are its
/// output, from both streams, and `# exit 1` after it if it fails.
struct PlayedPage {
  enum Part {
    /// Lines that stay unchanged, including the fences of blocks.
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

  /// Runs the commands of the page in a folder.
  ///
  /// - Parameters:
  ///   - folder: the home directory, where the first command is run.
  ///   - environment: added to that of the tests.
  ///
  /// - Returns: the page with the output of this run, and the differences from the page; ids and durations may differ.
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
          // Trailing spaces, which an editor would remove.
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

  /// The part of the output that is equal in every run: without ids and durations, and in sorted order, since roles
  /// proceed in parallel.
  private static func lasting(_ lines: [String]) -> [String] {
    lines.map { line in
      line.replacing(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/, with: "<id>")
        .replacing(/\b[0-9a-f]{7,40}\b/, with: "<id>")
        .replacing(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[^ ]*/, with: "<time>")
        .replacing(/\bDate: .*/, with: "<time>")
        .replacing(/\b\d+(\.\d+)? ?(ms|s|min|h|days)\b/, with: "<duration>")
        .replacing(/\b\d\d:\d\d(\.\d+)?\b/, with: "<duration>")
        .replacing(/[ ]+/, with: " ")
    }.sorted()
  }
}
