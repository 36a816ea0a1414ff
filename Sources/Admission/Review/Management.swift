import KubeDirector
import Values

/// Where in git an object comes from, and what becomes of an edit therefore.
struct Management: Sendable, Hashable {
  private var origin: String

  /// Nil for an object that no installation manages. Its file as it was applied counts, not what the edit makes of
  /// the annotations.
  init?(of request: AdmissionRequest) {
    guard let metadata = request.oldObject?["metadata"],
      metadata["labels"]?[Wire.Label.source]?.string != nil
    else { return nil }
    let annotations = metadata["annotations"]
    let path = annotations?[Wire.Annotation.path]?.string
    let commit = annotations?[Wire.Annotation.commit]?.string.map { "commit \($0.prefix(7))" }
    let words = [path.map(Self.short), commit].compactMap(\.self)
    origin = words.isEmpty ? "" : " (\(words.joined(separator: ", ")))"
  }

  var driftWarning: String {
    "managed from git\(origin): this edit will be put back; change the file instead"
  }

  var recreationWarning: String {
    "managed from git\(origin): it will be made again; remove the file first"
  }

  /// The end of a long path tells more than its beginning.
  private static func short(_ path: String) -> String {
    path.count > 60 ? "…" + path.suffix(59) : path
  }
}
