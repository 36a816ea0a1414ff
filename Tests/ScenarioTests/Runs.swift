import Foundation

/// One run of a startscript, as it wrote it down itself.
struct Run: Sendable, Hashable, CustomStringConvertible {
  var event: String
  var version: String
  /// A word that stands for the container.
  var container: String
  var arguments: String
  /// In nanoseconds since 1970.
  var began: Int
  /// Nil where it did not come to its end.
  var ended: Int?

  var description: String { "\(event) \(version) \(arguments)" }
}

extension Scene {
  /// What the scripts of a pod wrote down: of all its containers where it has a volume, else of the present one.
  func runs(_ pod: String) -> [Run] {
    let volume = "\(directory)/volumes/default/p-\(pod)/data/runs"
    let own = "\(directory)/pods/default/\(pod)/srv/runs"
    let path = FileManager.default.fileExists(atPath: volume) ? volume : own
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { return [] }
    var runs: [Run] = []
    for line in text.split(separator: "\n") {
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

  func events(_ pod: String) -> [String] { runs(pod).map { "\($0.event) \($0.version)" } }

  /// Runs of one event that a container saw more than once.
  func repeated(_ pods: some Sequence<String>) -> [String] {
    pods.flatMap { pod in
      Dictionary(grouping: runs(pod), by: { [$0.event, $0.container, $0.arguments] })
        .filter { $0.value.count > 1 }.map { "\(pod): \($0.key.joined(separator: " ")) × \($0.value.count)" }
    }
  }
}
