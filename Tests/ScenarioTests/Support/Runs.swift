import ClusterAPI
import Foundation

/// One run of a startscript, as it wrote it down itself.
struct Run: Sendable, Hashable, CustomStringConvertible {
  var event: String
  var version: String
  /// A word that stands for the container.
  var container: String
  var arguments: String
  /// In hundredths of a second since the machine began.
  var began: Int
  /// Nil where it did not come to its end.
  var ended: Int?

  var description: String { "\(event) \(version) \(arguments)" }

  /// - Parameter record: a line a begin and a line an end.
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
  /// What the scripts of a pod wrote down: of all its containers where it has a volume, else of the present one.
  func runs(_ pod: String) async throws -> [Run] {
    Run.all(in: try await site.record(of: ObjectName(namespace: fixture.namespace, name: pod)))
  }

  func events(_ pod: String) async throws -> [String] {
    try await runs(pod).map { "\($0.event) \($0.version)" }
  }

  /// Makes sure that no container saw an event more than once.
  ///
  /// - Throws: with what the pod's scripts wrote down, so that the daemon's log is shown beside it.
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
