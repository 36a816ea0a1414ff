import Validation

/// The git configuration with which an ordinary `git fetch` fetches the status of running clusters and
/// `git log` shows the notes.
struct FetchSettings: Sendable, Hashable {
  struct Line: Sendable, Hashable {
    var key: String
    var value: String
  }

  let remote: String

  /// Fetched notes get their own refs. Overwriting the local notes would lose those that are not pushed yet.
  var notes: String { "refs/notes/\(remote)/kdops*" }

  var lines: [Line] {
    let refspecs = RepositorySetting.refspecs(of: remote)
    return [
      Line(key: refspecs, value: RepositorySetting.statusRefspec),
      Line(key: refspecs, value: "+refs/notes/kdops*:\(notes)"),
      Line(key: "notes.displayRef", value: notes),
    ]
  }

  /// The local refs that these refspecs update.
  var fetched: [String] { ["refs/kdops/remote/kdops/status*", notes] }
}
