import KubeDirector

extension CommitReport {
  /// A one-line summary: the first line of the note.
  public var sentence: String { Summary.of(self) }
}

/// Builds the first line of a note: the objects by phase, the worst last, for readers of `git log --oneline`.
enum Summary {
  static func of(_ report: CommitReport) -> String {
    guard !report.objects.isEmpty else { return "done: no object changed" }
    // A stalled object needs intervention; an attempt that a later commit has superseded does not.
    let groups = Phase.allCases.sorted().flatMap { phase in
      [false, true].compactMap { isStalled -> String? in
        let objects = report.objects.filter { $0.phase == phase && $0.isStalled == isStalled }
        return objects.isEmpty ? nil : group(phase, objects, isStalled)
      }
    }
    // The objects that need attention come last; if the line is too long, the other groups are reduced to
    // counts.
    var line = groups.joined(separator: " · ")
    if line.count > NoteText.sentenceLimit, groups.count > 1 {
      line = counts(report) + " · " + (groups.last ?? "")
    }
    return line.count <= NoteText.sentenceLimit ? line : line.prefix(NoteText.sentenceLimit - 1) + "…"
  }

  /// The number of objects in each phase except the worst: `done: 3 · upgrading: 12`.
  private static func counts(_ report: CommitReport) -> String {
    Phase.allCases.sorted().filter { $0 != report.phase }.compactMap { phase in
      let count = report.objects.count { $0.phase == phase }
      return count == 0 ? nil : "\(phase.word): \(count)"
    }.joined(separator: " · ")
  }

  private static func group(_ phase: Phase, _ objects: [ObjectReport], _ isStalled: Bool) -> String {
    // Apps that are done or pending are only counted; apps in other phases are named.
    let quiet = phase == .done || phase == .pending
    let named = quiet ? objects.filter { $0.kind != Wire.appKind } : objects
    let rest = objects.count - named.count
    let word = isStalled ? "\(StallLabel.symbol) \(StallLabel.word)" : phase.word
    guard !named.isEmpty else { return "\(word): \(apps(rest))" }
    var shown: [String] = []
    var length = 0
    for object in named {
      let text = words(object)
      length += text.count + 2
      if length > NoteText.sentenceLimit / 2, !shown.isEmpty { break }
      shown.append(text)
    }
    var text = "\(word): \(shown.joined(separator: ", "))"
    if shown.count < named.count { text += " … and \(named.count - shown.count) more" }
    if rest > 0 { text += " and \(apps(rest))" }
    return text
  }

  private static func apps(_ count: Int) -> String { count == 1 ? "1 app" : "\(count) apps" }

  private static func words(_ object: ObjectReport) -> String {
    // An object without a namespace is a file.
    let name = clean(
      object.namespace.isEmpty ? object.name : "\(object.namespace)/\(object.name)", limit: 120)
    switch object.phase {
    case .upgrading, .rollingBack, .done:
      guard let upgrade = object.upgrade else {
        if object.verdict == .orphaned { return "\(name) (its file is gone; kept running)" }
        return object.change == .delete ? "\(name) (deleted)" : name
      }
      let apps = clean("\(upgrade.fromApp) → \(upgrade.toApp)", limit: 120)
      let pods = upgrade.total == 1 ? "1 pod" : "\(upgrade.total) pods"
      return object.phase == .done
        ? "\(name) \(apps) (\(pods))" : "\(name) \(apps) (\(upgrade.done) of \(pods))"
    case .pending: return name
    case .rejected:
      return
        "\(name)\(reason([object.rules.first, object.message].compactMap(\.self).joined(separator: ": ")))"
    case .waiting, .failed:
      // The command to copy is in the note's second part in full.
      return "\(name)\(reason(RestoreCommand.split(object.message ?? object.rules.first ?? "").words))"
    }
  }

  private static func reason(_ text: String) -> String { text.isEmpty ? "" : " (\(clean(text, limit: 200)))" }
}
