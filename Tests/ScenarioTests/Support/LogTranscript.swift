import ClusterAPI

/// The lines of a daemon's log about an upgrade or rollback, in order and without times: the same on every
/// cluster.
struct LogTranscript {
  private static let events: Set<String> = [
    "upgrade.began", "rollback.began", "upgrade.ended", "rollback.ended", "role.upgraded", "role.reverted",
    "pod.claimed", "pod.upgraded", "pod.reverted", "pod.failed", "cluster.stalled",
  ]
  /// Keys whose values differ in each run, or that repeat the value of another key.
  private static let left: Set<String> = ["time", "level", "cluster", "commit", "took", "role"]

  private(set) var lines: [String] = []

  /// - Parameters:
  ///   - log: as a daemon writes it.
  ///   - words: replacements of texts that differ in each run.
  init(_ log: String, of cluster: ObjectName, words: [String: String] = [:]) {
    for line in log.split(separator: "\n") {
      let pairs = Self.pairs(line)
      guard let event = pairs.first(where: { $0.key == "event" })?.value, Self.events.contains(event),
        pairs.contains(where: { $0.key == "cluster" && $0.value == "\(cluster)" })
      else { continue }
      // A busy node sometimes ends a pod late.
      if pairs.contains(where: { $0.key == "reason" && $0.value == "PodNotEnded" }) { continue }
      // A role's own line contains only its name.
      let isOfRole = event.hasPrefix("role.")
      let values = pairs.filter {
        $0.key != "event" && (isOfRole && $0.key == "role" || !Self.left.contains($0.key))
      }
      let text = ([event] + values.map(\.value)).joined(separator: " ")
      lines.append(words.reduce(text) { $0.replacing($1.key, with: $1.value) })
    }
  }

  /// The pairs of a line in logfmt; a quoted value may contain spaces.
  private static func pairs(_ line: Substring) -> [(key: String, value: String)] {
    var pairs: [(key: String, value: String)] = []
    var rest = line
    while let equals = rest.firstIndex(of: "=") {
      let key = String(rest[..<equals]).trimmingPrefix(" ")
      rest = rest[rest.index(after: equals)...]
      let isQuoted = rest.first == "\""
      if isQuoted { rest = rest.dropFirst() }
      let end = rest.firstIndex(of: isQuoted ? "\"" : " ") ?? rest.endIndex
      pairs.append((String(key), String(rest[..<end])))
      rest = rest[end...].dropFirst()
    }
    return pairs
  }
}
