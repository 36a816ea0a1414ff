import FoundationEssentials
import Testing

/// Compares text with a file under `Golden`. A missing file fails; `KDOPS_RECORD=1` writes the files.
func expectGolden(
  _ text: String, _ name: String, sourceLocation: Testing.SourceLocation = #_sourceLocation
) throws {
  let here = #filePath
  let folder = here.prefix(upTo: here.lastIndex(of: "/") ?? here.endIndex) + "/Golden"
  let path = "\(folder)/\(name)"
  if ProcessInfo.processInfo.environment["KDOPS_RECORD"] == "1" {
    try Data(text.utf8).write(to: URL(filePath: path))
    return
  }
  let stored = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
  let golden = try #require(
    stored, "Golden/\(name) is missing; record it with KDOPS_RECORD=1", sourceLocation: sourceLocation)
  #expect(text == golden, sourceLocation: sourceLocation)
}
