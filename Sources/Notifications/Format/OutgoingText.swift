import Diagnostics

/// Prepares text that leaves the machine.
enum OutgoingText {
  /// The text on one line, with control characters made visible and credentials removed, at most `limit` Unicode scalars
  /// long.
  static func line(_ text: String, limit: Int) -> String {
    // The limit before the redaction bounds its cost. The one after it ensures that the cut shows no half of a secret.
    let start = String(String.UnicodeScalarView(text.unicodeScalars.prefix(limit * 4)))
    let line = start.split(whereSeparator: \.isNewline).joined(separator: " ")
    let shown = TerminalText.visible(Redaction.strict(line))
    guard shown.unicodeScalars.count > limit else { return shown }
    return String(shown.unicodeScalars.prefix(limit - 1)) + "…"
  }
}

extension StatusNotification {
  /// The notification as one line for people, not escaped:
  /// `✗ prod/ledger stalled: kafka-3.7.0 → kafka-3.7.1 at 0 of 3 (ErrImagePull) · commit 4f2c9ab "Upgrade" · revert: …`.
  func sentence(installation: String) -> String {
    var text = event.symbol
    if let object {
      text += object.namespace.isEmpty ? " \(object.name)" : " \(object.namespace)/\(object.name)"
    } else if let commit {
      text += " commit \(commit.prefix(7))"
    }
    text += " \(event.label)"
    if let progress {
      text += ": \(progress.fromApp) → \(progress.toApp)"
      if event != .done, event != .rolledBack { text += " at \(progress.done) of \(progress.total)" }
    } else if let change, change != .none {
      text += ": \(change.rawValue)"
    }
    if let message { text += " (\(message))" }
    if let commit, object != nil {
      text += " · commit \(commit.prefix(7))"
      if let subject { text += " \"\(subject)\"" }
    }
    if event == .stalled, let commit { text += " · revert: git revert \(commit.prefix(7))" }
    if installation != "default" { text += " · installation \(installation)" }
    return text
  }
}
