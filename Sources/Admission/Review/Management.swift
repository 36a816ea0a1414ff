import KubeDirector
import Values

/// The origin of an object in git, and the consequences of a manual change.
struct Management: Sendable, Hashable {
  private var origin: String

  /// Nil for an object that no installation manages. The origin is read from the object before the change,
  /// because the change may edit the annotations.
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
    "managed from git\(origin): this edit will be reverted; change the file instead"
  }

  var recreationWarning: String {
    "managed from git\(origin): it will be created again; remove the file first"
  }

  /// The end of a long path is more useful than its start.
  private static func short(_ path: String) -> String {
    path.count > 60 ? "…" + path.suffix(59) : path
  }
}
