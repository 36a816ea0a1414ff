import Diagnostics
import KubeDirector
import Values

/// A blocked change: a change that git requests and that is not carried out, with the reason and the remediation.
public struct BlockedChange: Sendable, Hashable {
  /// Why the change is not carried out.
  public enum Verdict: String, Sendable, Hashable {
    /// Only a new commit can fix it.
    case rejected
    /// It is judged again when the cluster's state changes.
    case waiting
    /// A ref of the repository whose content cannot be used.
    case unusable
  }

  /// The commit that asks for the change, all 40 digits.
  public var commit: String
  /// The object that would change; of the kind `Commit` if the commit is blocked as a whole.
  public var object: ObjectReference
  public var verdict: Verdict
  /// The ids of the rules that block the change.
  public var rules: [String]
  /// The reason and the remediation, in one sentence.
  public var message: String

  public init(commit: String, object: ObjectReference, verdict: Verdict, rules: [String], message: String) {
    self.commit = commit
    self.object = object
    self.verdict = verdict
    self.rules = rules
    self.message = message
  }

  /// Nil for a change that is carried out, and for an app that only waits until no cluster runs it any more.
  public init?(_ report: ObjectReport, of commit: String) {
    let verdict: Verdict
    switch report.phase {
    case .rejected: verdict = .rejected
    case .waiting where report.kind != Wire.appKind: verdict = .waiting
    default: return nil
    }
    self.init(
      commit: commit, object: report.reference, verdict: verdict,
      rules: Array(report.rules.prefix(10)).map { Self.fit($0) }, message: Self.fit(report.message ?? ""))
  }

  /// Whether the commit is blocked as a whole, with all commits after it.
  public var isOfCommit: Bool { object.kind == ObjectReport.commitKind }

  /// Whether the blocked change affects a cluster: it is a change of this cluster, or of neither an app nor another
  /// cluster, such as a whole commit.
  public func concerns(_ cluster: ObjectReference) -> Bool {
    object == cluster || ![Wire.clusterKind, Wire.appKind].contains(object.kind)
  }

  /// The text on one line, with limited length and without credentials.
  public static func fit(_ text: String) -> String { clean(text, limit: 600) }
}

extension BlockedChange {
  public var json: JSON {
    [
      "commit": .string(commit), "kind": .string(object.kind), "namespace": .string(object.namespace),
      "name": .string(object.name), "verdict": .string(verdict.rawValue), "rules": JSON(rules),
      "message": .string(message),
    ]
  }

  /// Nil if the JSON is not a blocked change as kdops writes it.
  public init?(_ json: JSON) {
    guard let commit = json["commit"]?.string, let kind = json["kind"]?.string,
      let name = json["name"]?.string, let verdict = json["verdict"]?.string.flatMap(Verdict.init)
    else { return nil }
    self.init(
      commit: commit,
      object: ObjectReference(kind: kind, namespace: json["namespace"]?.string ?? "", name: name),
      verdict: verdict, rules: json["rules"]?.array?.compactMap(\.string) ?? [],
      message: json["message"]?.string ?? "")
  }
}

/// All blocked changes of an installation at a time, up to a limit; those of whole commits come first.
public struct BlockedChangeList: Sendable, Hashable {
  public var changes: [BlockedChange]
  /// The number of blocked changes beyond the limit.
  public var omitted: Int

  static let limit = 100

  public init(changes: [BlockedChange] = [], omitted: Int = 0) {
    self.changes = changes
    self.omitted = omitted
  }

  /// - Parameter all: in any order; beyond the limit they are only counted.
  public init(all: [BlockedChange]) {
    func order(_ one: BlockedChange) -> (Int, ObjectReference) { (one.isOfCommit ? 0 : 1, one.object) }
    let sorted = all.sorted { order($0) < order($1) }
    self.init(changes: Array(sorted.prefix(Self.limit)), omitted: max(0, sorted.count - Self.limit))
  }

  public var isEmpty: Bool { changes.isEmpty && omitted == 0 }
}
