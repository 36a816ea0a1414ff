import Diagnostics
import KubeDirector
import Rules
import Values

/// The difference between git's head and the live objects, for people: one block per object that differs.
/// Equal objects are only counted.
public struct DiffText {
  let width: Int
  let isColoured: Bool

  /// - Parameter width: The width of the terminal in cells.
  public init(width: Int = 120, isColoured: Bool = false) {
    (self.width, self.isColoured) = (width, isColoured)
  }

  /// The differences, line by line.
  ///
  /// - Parameters:
  ///   - head: The commit in git.
  ///   - place: Where the live objects were read.
  public func lines(_ diff: LiveDiff, head: String, place: String) -> [String] {
    var lines = [StyledLine("git \(head.prefix(7)) and \(place): \(Self.counts(diff))", .bold)]
    for entry in diff.entries where entry.state != .same {
      var line = StyledLine("\(entry.reference.kind) \(entry.reference)   ")
      line.append(Self.words(entry), entry.state.style)
      if let path = entry.path { line.append("   \(path)", .dim) }
      lines.append(line)
      for difference in entry.differences {
        var line = StyledLine("  \(difference.name) ")
        line.append(Self.words(difference), .yellow)
        lines.append(line)
      }
      for words in entry.adoption { lines.append(StyledLine("  \(words)")) }
    }
    for path in diff.unread {
      var line = StyledLine("\(path)   ")
      line.append("cannot be read, so its difference is unknown; see kdops validate", .red)
      lines.append(line)
    }
    return lines.map { $0.text(width: width, coloured: isColoured) }
  }

  private static func counts(_ diff: LiveDiff) -> String {
    let parts = LiveDiff.Entry.State.allCases.compactMap { state -> String? in
      let count = diff.count(state)
      return count == 0 ? nil : "\(count) \(state.word)"
    }
    return parts.isEmpty ? "no objects" : parts.joined(separator: ", ")
  }

  private static func words(_ entry: LiveDiff.Entry) -> String {
    if entry.state == .unreadable {
      return "violates its schema, so its difference is unknown; see kdops validate"
    }
    guard entry.state == .foreign, let owner = entry.owner else { return entry.state.word }
    if entry.isAdopted { return "belongs to no installation, and its file adopts it" }
    return owner.isEmpty ? "belongs to no installation" : "belongs to installation \(owner)"
  }

  /// One difference, from the cluster to git: `spark-1.0.0 in the cluster, spark-1.1.0 in git`.
  private static func words(_ difference: Difference) -> String {
    switch difference.shown {
    case (let live?, let head?): "\(live) in the cluster, \(head) in git"
    case (let live?, nil) where difference.new == nil: "\(live) in the cluster, not in git"
    case (nil, let head?) where difference.old == nil: "\(head) in git, not in the cluster"
    case _ where difference.old == nil: "only in git"
    case _ where difference.new == nil: "only in the cluster"
    default: "differs"
    }
  }
}

extension LiveDiff.Entry.State {
  var word: String {
    switch self {
    case .same: "the same"
    case .differs: "differs"
    case .onlyInGit: "only in git"
    case .onlyInCluster: "only in the cluster"
    case .foreign: "not owned"
    case .unreadable: "unreadable"
    }
  }

  fileprivate var style: StyledLine.Style? {
    switch self {
    case .same: nil
    case .differs, .onlyInGit, .onlyInCluster: .yellow
    case .foreign, .unreadable: .red
    }
  }
}

/// The difference between git's head and the live objects, for programs.
public enum DiffJSON {
  /// The difference as a JSON tree; `head` is git's commit.
  public static func json(_ diff: LiveDiff, head: String) -> JSON {
    let objects = diff.entries.map { entry -> JSON in
      var out: JSON = [
        "kind": .string(entry.reference.kind), "namespace": .string(entry.reference.namespace),
        "name": .string(entry.reference.name), "state": .string(entry.state.rawValue),
      ]
      out["file"] = entry.path.map(JSON.string)
      out["owner"] = entry.owner.map(JSON.string)
      if entry.isAdopted { out["adopted"] = true }
      if !entry.adoption.isEmpty { out["adoption"] = JSON(entry.adoption) }
      guard !entry.differences.isEmpty else { return out }
      out["differences"] = .array(
        entry.differences.map { difference in
          var out: JSON = ["field": .string(difference.name)]
          // Long or confidential values are left out.
          out["cluster"] = difference.shown.old.map(JSON.string)
          out["git"] = difference.shown.new.map(JSON.string)
          return out
        })
      return out
    }
    return [
      "schemaVersion": 1, "head": .string(head), "same": .bool(diff.isSame), "objects": .array(objects),
      "unreadFiles": JSON(diff.unread),
    ]
  }
}
