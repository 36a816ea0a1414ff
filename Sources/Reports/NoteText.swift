import KubeDirector
import Values

/// The text of a commit's note in git: one sentence for people, an empty line, YAML for programs.
public enum NoteText {
  /// The longest first line, in characters.
  public static let sentenceLimit = 300
  /// The longest note, in bytes of UTF-8.
  public static let sizeLimit = 64 << 10

  /// The note of a commit, at most `sizeLimit` bytes long.
  ///
  /// If not all objects fit, the objects in the worst phases are kept, and `omitted` counts the rest.
  ///
  /// - Parameter owner: the cluster that the note belongs to; nil omits it.
  public static func render(_ report: CommitReport, of owner: StatusOwner? = nil) -> String {
    var head: JSON = [
      "schemaVersion": 1, "commit": .string(clean(report.commit)), "phase": .string(report.phase.rawValue),
    ]
    head["cluster"] = owner?.json
    var text = Summary.of(report) + "\n\n" + YAMLWriter(.compact).block(head.object ?? [:])
    guard !report.objects.isEmpty else { return text + "objects: []\n" }
    let items = report.objects.map { YAMLWriter(.compact).item($0.json.object ?? [:]) }
    // Reserves space for the list's key and the count of omitted objects.
    let kept = fitting(items, report.objects, budget: sizeLimit - text.utf8.count - 64)
    text += "objects:\n"
    for index in kept.sorted() { text += items[index] }
    let omitted = items.count - kept.count
    if omitted > 0 { text += "omitted: \(omitted)\n" }
    return text
  }

  private static func fitting(_ items: [String], _ objects: [ObjectReport], budget: Int) -> [Int] {
    var left = budget
    var kept: [Int] = []
    let byNeed = objects.indices.sorted { (objects[$1].phase, $0) < (objects[$0].phase, $1) }
    for index in byNeed {
      left -= items[index].utf8.count
      if left < 0 { break }
      kept.append(index)
    }
    return kept
  }

  /// The YAML part of a note; nil if there is none.
  public static func body(of note: String) -> Substring? {
    var rest = note[...]
    while let end = rest.firstIndex(where: \.isNewline) {
      let line = rest[..<end]
      rest = rest[rest.index(after: end)...]
      if line.allSatisfy(\.isWhitespace) { return rest.isEmpty ? nil : rest }
    }
    return nil
  }
}
