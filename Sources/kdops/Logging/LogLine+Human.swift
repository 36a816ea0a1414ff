import Diagnostics
import KubeDirector
import Logging

// A log entry for people: time, level, the event in words, what it concerns, other facts, and the error with its remedy.
extension LogLine {
  /// The objects that an event concerns, from the outside to the inside.
  private static let subjects = ["cluster", "object", "role", "pod"]
  /// Whole sentences.
  private static let sentences = ["summary", "message", "answer", "error"]

  var human: String {
    let pairs = pairs
    func values(_ keys: [String]) -> [String] {
      keys.compactMap { key in pairs.first { $0.key == key }?.value }.filter { !$0.isEmpty }
    }
    let level = level.rawValue.padding(to: 7)
    var text = "\(Timestamp.text(time).dropFirst(11)) \(level)  \(EventWords.words(of: Redaction.url(event)))"
    let subjects = values(Self.subjects)
    if !subjects.isEmpty { text += ": \(subjects.joined(separator: " "))" }
    let known = Self.subjects + Self.sentences + ["hint"]
    let facts = pairs.filter { !known.contains($0.key) }.map { "\($0.key) \($0.value)" }
    if !facts.isEmpty { text += " (\(facts.joined(separator: ", ")))" }
    for sentence in values(Self.sentences) { text += ": \(sentence)" }
    for hint in values(["hint"]) { text += "; \(hint)" }
    return TerminalText.visible(text)
  }
}

extension String {
  /// The text with spaces at its end, up to a number of characters.
  fileprivate func padding(to count: Int) -> String {
    self + String(repeating: " ", count: max(0, count - self.count))
  }
}

/// The names of log events in words.
enum EventWords {
  /// - Parameter event: the name for programs, such as `git.fetch.failed`, or a sentence, which is returned unchanged.
  static func words(of event: String) -> String {
    if let words = table[event] { return words }
    guard !event.contains(" ") else { return event }
    return event.split { ".-".contains($0) }.joined(separator: " ")
  }

  /// The names whose parts do not say it in words.
  private static let table = [
    "apiserver.unavailable": "the API server is unavailable",
    "cluster.away": "the API server is unavailable",
    "cluster.foreign": "another operator writes the status of this cluster",
    "command.done": "a command was executed",
    "command.failed": "a command failed",
    "command.refused": "a command was refused",
    "commit.rollingBack": "commit rolling back",
    "drift.conflict": "a correction of a manual edit does not persist",
    "drift.corrected": "a manual edit was corrected",
    "drift.refused": "the API server denies the correction of a manual edit",
    "drift.stays": "the correction of a manual edit failed, and is retried",
    "file.finding": "a finding in a file",
    "git.fetch.failed": "the repository cannot be fetched",
    "git.reachable": "the repository can be fetched again",
    "head.fetched": "a new head was fetched",
    "head.unreadable": "the head cannot be read",
    "history.accepted": "the rewritten history was accepted",
    "history.rewritten": "history was rewritten",
    "images.unreadable": "the images of .kdops.yaml cannot be read",
    "leadership.awaited": "another daemon leads",
    "leadership.lost": "this daemon no longer leads",
    "leadership.taken": "this daemon leads",
    "object.orphaned": "the file of a cluster was removed, and pruning is off",
    "object.rejected": "a change is rejected",
    "object.waiting": "a change waits",
    "status.publish.failed": "the status cannot be pushed",
    "sync.asked": "a fetch was requested",
    "upgrade.auto-rollback": "a stalled upgrade is rolled back for a later app",
    "upgrade.revert-pushed": "a stalled upgrade was reverted by a commit",
    "upgrade.revert-refused": "a stalled upgrade cannot be reverted by a commit",
  ]
}
