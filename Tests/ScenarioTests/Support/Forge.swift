import ClusterAPI
import Foundation
import Manifests
import Reports
import TestSupport

/// A bare repository that a team shares, and one member's clone of it.
final class Forge: Sendable {
  let bare: TemporaryRepository
  let user: TemporaryRepository

  /// The suffix of the daemon's refs.
  private let suffix: String

  /// - Parameters:
  ///   - files: of the first commit.
  ///   - installation: of the daemon.
  init(_ files: [String: String?], installation: String = "default") throws {
    suffix = installation == "default" ? "" : "-\(installation)"
    bare = try TemporaryRepository(bare: true)
    user = try bare.clone()
    try user.git("checkout", "--quiet", "-B", "main")
    try user.write(files)
    for path in files.keys where path.hasSuffix("/startscript") {
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: "\(user.path)/\(path)")
    }
    try user.commit([:], "Begin")
    try user.push()
  }

  /// The first commit.
  func first() throws -> String { try user.git("rev-list", "--max-parents=0", "main") }

  /// Commits and pushes.
  ///
  /// - Returns: the commit's id.
  @discardableResult
  func push(_ files: [String: String?], _ message: String) throws -> String {
    let id = try user.commit(files, message)
    try user.push()
    return id
  }

  /// Reverts a commit and pushes that.
  @discardableResult
  func revert(_ commit: String) throws -> String {
    try user.git("revert", "--no-edit", commit)
    try user.push()
    return try user.head()
  }

  /// The note that the daemon wrote on a commit, as git shows it.
  func note(_ commit: String) -> Note? {
    (try? bare.git("notes", "--ref=kdops\(suffix)", "show", commit)).flatMap(Note.init)
  }

  /// The number of writes of a ref; 0 if it does not exist.
  func writes(of ref: String) -> Int {
    (try? bare.git("rev-list", "--count", ref)).flatMap { Int($0) } ?? 0
  }

  /// The paths of the clusters' files in the status tree.
  func statusFiles() -> [String] {
    let paths = try? bare.git("ls-tree", "-r", "--name-only", "refs/kdops/status\(suffix)")
    return (paths ?? "").split(separator: "\n").map(String.init).filter { $0 != StatusOwner.path }
  }

  /// A file of the status tree.
  func statusFile(_ cluster: ObjectName) -> ClusterFile? {
    let path = "\(cluster.namespace)/\(cluster.name).yaml"
    guard let text = try? bare.git("show", "refs/kdops/status\(suffix):\(path)"),
      let json = SettingsFile(path: path, bytes: Array(text.utf8)).json
    else { return nil }
    return ClusterFile(path: path, json)
  }
}

/// The note on a commit, as text and as data.
struct Note: Sendable, CustomStringConvertible {
  let text: String
  let report: CommitReport

  init?(_ text: String) {
    guard let body = NoteText.body(of: text),
      let json = SettingsFile(path: "note.yaml", bytes: Array(body.utf8)).json,
      let report = CommitReport(json)
    else { return nil }
    self.text = text
    self.report = report
  }

  var sentence: String { text.split(separator: "\n").first.map(String.init) ?? "" }
  var description: String { text }

  /// The phase that the note contains, not the one that follows from its objects.
  var phase: String? {
    text.split(separator: "\n").first { $0.hasPrefix("phase: ") }.map {
      String($0.dropFirst("phase: ".count))
    }
  }

  func object(_ name: String) -> ObjectReport? { report.objects.first { $0.name == name } }
}
