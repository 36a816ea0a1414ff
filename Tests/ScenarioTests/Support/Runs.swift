import ClusterAPI
import Foundation

/// One run of a startscript, as the script recorded it.
struct Run: Sendable, Hashable, CustomStringConvertible {
  var event: String
  var version: String
  /// An id of the container.
  var container: String
  var arguments: String
  /// In hundredths of a second since boot.
  var began: Int
  /// Nil if the script did not end.
  var ended: Int?

  var description: String { "\(event) \(version) \(arguments)" }

  /// - Parameter record: one line per start and one per end.
  static func all(in record: String) -> [Run] {
    var runs: [Run] = []
    for line in record.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard words.count >= 5, let time = Int(words[0]) else { continue }
      let arguments = words.dropFirst(5).joined(separator: " ")
      if words[4] == "begin" {
        runs.append(
          Run(event: words[1], version: words[2], container: words[3], arguments: arguments, began: time))
      } else if let open = runs.lastIndex(where: {
        $0.event == words[1] && $0.container == words[3] && $0.ended == nil
      }) {
        runs[open].ended = time
      }
    }
    return runs
  }
}

extension Scene {
  /// The runs that a pod's scripts recorded: in all its containers if it has a volume, else in the current
  /// one.
  func runs(_ pod: String) async throws -> [Run] {
    Run.all(in: try await site.record(of: ObjectName(namespace: fixture.namespace, name: pod)))
  }

  func events(_ pod: String) async throws -> [String] {
    try await runs(pod).map { "\($0.event) \($0.version)" }
  }

  /// Verifies that no container received an event more than once.
  ///
  /// - Throws: an error with the pod's recorded runs, so that the daemon's log is shown with it.
  func mustHaveRunOnce(_ pods: some Sequence<String>) async throws {
    for pod in pods {
      let runs = try await runs(pod)
      let seen = Dictionary(grouping: runs) { [$0.event, $0.container, $0.arguments] }
      guard seen.values.contains(where: { $0.count > 1 }) else { continue }
      let words = runs.map { "\($0) in \($0.container) from \($0.began) to \($0.ended ?? 0)" }
      throw TooLate(description: "\(pod) ran a script twice: \(words.joined(separator: "; "))")
    }
  }
}
