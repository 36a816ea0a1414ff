import Diagnostics
import KubeDirector
import Values

// The format of a note's second part and of the status tree's files. Text from outside passes through `clean`
// before it is written: one line, bounded, no credentials.

extension CommitReport {
  /// Parses the second part of a note; nil if it is not in kdops's format. The content is untrusted.
  public init?(_ note: JSON) {
    guard note["schemaVersion"]?.integer == 1, let commit = note["commit"]?.string else { return nil }
    self.init(commit: commit, objects: note["objects"]?.array?.compactMap(ObjectReport.init) ?? [])
  }
}

extension ObjectReport {
  public init?(_ object: JSON) {
    guard let kind = object["kind"]?.string, let namespace = object["namespace"]?.string,
      let name = object["name"]?.string, let phase = object["phase"]?.string.flatMap(Phase.init)
    else { return nil }
    self.init(
      kind: kind, namespace: namespace, name: name,
      change: object["change"]?.string.flatMap(ChangeKind.init) ?? .none,
      verdict: object["verdict"]?.string.flatMap(Verdict.init) ?? .unchanged, phase: phase,
      rules: object["rules"]?.array?.compactMap(\.string) ?? [], message: object["message"]?.string,
      upgrade: object["upgrade"].flatMap(UpgradeProgress.init))
    failure = phase == .failed ? Failure(object, upgrade, message: message) : nil
  }

  var json: JSON {
    var out: JSON = [
      "kind": .string(clean(kind)), "namespace": .string(clean(namespace)), "name": .string(clean(name)),
      "change": .string(change.rawValue), "verdict": .string(verdict.rawValue),
      "phase": .string(phase.rawValue),
      "rules": JSON(rules.prefix(50).map { clean($0) }),
    ]
    if isStalled { out["stalled"] = true }
    out["message"] = message.map { .string(clean($0, limit: 800)) }
    out["upgrade"] = upgrade?.json
    return out
  }
}

extension ObjectReport.Failure {
  /// How the message of a superseded change begins. Notes have no other field for it.
  private static let endings = ["rolled back by ", "superseded by ", "withdrawn by "]

  fileprivate init?(_ object: JSON, _ upgrade: UpgradeProgress?, message: String?) {
    // Older notes have this flag only on roles.
    if object["stalled"]?.bool ?? upgrade?.roles.contains(where: { $0.stalled }) ?? false {
      self = .stalled
    } else if let message, Self.endings.contains(where: message.hasPrefix) {
      self = .superseded
    } else {
      return nil
    }
  }
}

extension UpgradeProgress {
  init?(_ upgrade: JSON) {
    guard let fromApp = upgrade["fromApp"]?.string, let toApp = upgrade["toApp"]?.string else { return nil }
    let roles = upgrade["roles"]?.array?.compactMap { role -> Role? in
      guard let id = role["id"]?.string else { return nil }
      return Role(
        id: id, done: role["done"]?.count() ?? 0, total: role["total"]?.count() ?? 0,
        stalled: role["stalled"]?.bool ?? false)
    }
    self.init(
      fromApp: fromApp, toApp: toApp, isRollingBack: upgrade["isRollingBack"]?.bool ?? false,
      roles: roles ?? [])
  }

  var json: JSON {
    [
      "fromApp": .string(clean(fromApp)), "toApp": .string(clean(toApp)),
      "isRollingBack": .bool(isRollingBack),
      "roles": .array(
        roles.prefix(100).map { role in
          [
            "id": .string(clean(role.id)), "done": JSON(role.done), "total": JSON(role.total),
            "stalled": .bool(role.stalled),
          ]
        }),
    ]
  }
}

/// Prepares a text for git: on one line, at most `limit` Unicode scalars, with credentials redacted. Counts
/// scalars because a `Character` may have any length.
func clean(_ text: String, limit: Int = 400) -> String {
  // The limit before the redaction bounds its cost. The limit after it ensures that the cut never exposes
  // half a secret.
  let shown = TerminalText.visible(Redaction.url(String(text.unicodeScalars.prefix(limit * 4)).onOneLine))
  guard shown.unicodeScalars.count > limit else { return shown }
  return String(shown.unicodeScalars.prefix(limit - 1)) + "…"
}

extension String {
  fileprivate var onOneLine: String {
    guard contains(where: \.isNewline) else { return self }
    return split(whereSeparator: \.isNewline).joined(separator: " ")
  }
}
