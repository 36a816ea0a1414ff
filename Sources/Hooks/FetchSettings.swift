/// What git's configuration needs to hold so that an ordinary `git fetch` brings the status of running clusters and
/// `git log` shows the notes.
struct FetchSettings: Sendable, Hashable {
  struct Line: Sendable, Hashable {
    var key: String
    var value: String
  }

  let remote: String

  /// The status, of every installation: a pattern, because git fails where a single ref is not there yet.
  static let status = "+refs/kdops/status*:refs/kdops/remote/kdops/status*"

  /// Notes come beside those that are written here, never over them: what is not yet pushed would be lost.
  var notes: String { "refs/notes/\(remote)/kdops*" }

  var lines: [Line] {
    [
      Line(key: "remote.\(remote).fetch", value: Self.status),
      Line(key: "remote.\(remote).fetch", value: "+refs/notes/kdops*:\(notes)"),
      Line(key: "notes.displayRef", value: notes),
    ]
  }

  /// What these lines have brought here.
  var fetched: [String] { ["refs/kdops/remote/kdops/status*", notes] }
}
