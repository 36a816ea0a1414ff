import Diagnostics
import Reports

/// The outcome of a commit in a comment on its merge request, as a section that is replaced in place.
///
/// All text from the repository and the cluster is escaped: it cannot format, link or mention users.
struct OutcomeText: Sendable, Hashable {
  /// The section, from its first to its last line.
  let section: String
  private let begin: String
  private let end: String

  /// The number of objects that are listed.
  static let objectLimit = 20
  /// The largest comment, in bytes. GitHub accepts 65,536 characters.
  static let commentLimit = 60_000

  /// - Parameter context: distinguishes installations that report on the same merge request.
  init(_ report: CommitReport, context: String) {
    let key = "\(CommitCall.escaped(context)) \(CommitCall.escaped(report.commit))"
    begin = "<!-- kdops:outcome \(key) -->"
    end = "<!-- kdops:outcome end \(key) -->"
    let short = String(report.commit.prefix(7))
    var lines = [
      begin,
      "#### \(MarkdownText.escaped(context)) · \(MarkdownText.code(short)) · \(Self.word(report.phase))", "",
    ]
    let objects = report.objects.sorted { ($1.phase, $0.reference) < ($0.phase, $1.reference) }
    lines += objects.prefix(Self.objectLimit).map { Self.line($0, short: short) }
    if objects.count > Self.objectLimit { lines.append("- … and \(objects.count - Self.objectLimit) more") }
    if objects.isEmpty { lines.append("No object changed.") }
    section = (lines + [end]).joined(separator: "\n")
  }

  /// Whether a comment contains an older version of this section.
  func isIn(_ comment: String) -> Bool { comment.contains(begin) }

  /// Whether a comment is a plan of `kdops plan`.
  static func isPlan(_ comment: String) -> Bool { comment.hasPrefix(CommentMarker.plan) }

  /// The comment with this section in place of its older version, or at its end.
  ///
  /// - Returns: nil if the comment would become too long.
  func merged(into comment: String) -> String? {
    let parts = Self.split(comment, from: begin, to: end)
    let text = parts.map { "\($0.before)\(section)\($0.after)" } ?? "\(comment)\n\n\(section)\n"
    return text.utf8.count <= Self.commentLimit ? text : nil
  }

  private static func split(_ text: String, from begin: String, to end: String)
    -> (before: Substring, after: Substring)?
  {
    guard let start = index(of: begin, in: text[...]),
      let last = index(of: end, in: text[start...])
    else { return nil }
    return (text[..<start], text[text.utf8.index(last, offsetBy: end.utf8.count)...])
  }

  /// The position of an ASCII text. Compares bytes, because a combining mark after it must not hide it.
  private static func index(of pattern: String, in text: Substring) -> String.Index? {
    let bytes = Array(pattern.utf8)
    let utf8 = text.utf8
    var position = utf8.startIndex
    while position < utf8.endIndex {
      if utf8[position] == bytes.first, utf8[position...].starts(with: bytes) { return position }
      position = utf8.index(after: position)
    }
    return nil
  }

  private static func line(_ object: ObjectReport, short: String) -> String {
    let name = object.namespace.isEmpty ? object.name : "\(object.namespace)/\(object.name)"
    let state = object.isStalled ? StallLabel.word : word(object.phase)
    var text = "- **\(MarkdownText.escaped(BlockedChange.fit(name)))** \(state)"
    if let upgrade = object.upgrade {
      let apps = "\(upgrade.fromApp) → \(upgrade.toApp)"
      text += ": \(MarkdownText.escaped(BlockedChange.fit(apps))), \(upgrade.done) of \(upgrade.total) pods"
    } else if object.change != .none {
      text += ": \(object.change.rawValue)"
    }
    if let message = object.message, !message.isEmpty {
      text += " (\(MarkdownText.escaped(Redaction.excerpt(BlockedChange.fit(message), limit: 200))))"
    }
    if object.isStalled { text += " · to revert: \(MarkdownText.code("git revert \(short)"))" }
    return text
  }

  private static func word(_ phase: Phase) -> String {
    switch phase {
    case .rollingBack: "rolling back"
    case .done, .upgrading, .pending, .waiting, .rejected, .failed: phase.rawValue
    }
  }
}
