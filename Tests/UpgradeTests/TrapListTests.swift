import FoundationEssentials
import Testing

@Suite("The list of traps")
struct TrapListTests {
  /// The checkout, even if this folder is reached through a symbolic link.
  static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A test in the list: `- pure · suite · title`.
  struct Entry: Hashable {
    var place: String
    var suite: String
    var title: String
  }

  /// The tests by trap, in the order of the list.
  static func traps() throws -> [(trap: String, tests: [Entry])] {
    let page = try String(decoding: Data(contentsOf: root.appending(path: "docs/traps.md")), as: UTF8.self)
    var traps: [(trap: String, tests: [Entry])] = []
    for line in page.split(separator: "\n") {
      if line.hasPrefix("# ") || line.hasPrefix("### ") {
        traps.append((String(line.drop { $0 == "#" || $0 == " " }), []))
      } else if line.hasPrefix("- ") {
        let parts = line.dropFirst(2).split(separator: " · ", maxSplits: 2).map(String.init)
        let entry = try #require(
          parts.count == 3 ? Entry(place: parts[0], suite: parts[1], title: parts[2]) : nil)
        traps[traps.count - 1].tests.append(entry)
      }
    }
    return traps
  }

  @Test("names only existing tests, with the right suite and place")
  func exist() throws {
    let folder = Self.root.appending(path: "Tests").path
    var known: Set<Entry> = []
    for path in try FileManager.default.subpathsOfDirectory(atPath: folder) where path.hasSuffix(".swift") {
      let text = try String(
        decoding: Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(path)")), as: UTF8.self)
      let places =
        path.hasPrefix("UpgradeTests/")
        ? ["pure"] : path.hasPrefix("ScenarioTests/") ? ["node"] : ["embedded"]
      var suite = ""
      for (attribute, title) in Self.titles(in: text) {
        if attribute == "Suite" { suite = title }
        for place in places { known.insert(Entry(place: place, suite: suite, title: title)) }
      }
    }
    let missing = try Self.traps().flatMap(\.tests).filter { !known.contains($0) }
    #expect(missing == [])
  }

  @Test("has a test for every trap")
  func complete() throws {
    let traps = try Self.traps()
    #expect(traps.count > 20)
    #expect(traps.filter { $0.tests.isEmpty }.map(\.trap) == [])
  }

  @Test("is read from titles at any position after the attribute")
  func parsing() {
    let text = """
      @Suite("One", .serialized)
      @Test(
        "says \\"no\\"", arguments: [1])
      @Test func untitled()
      """
    #expect(Self.titles(in: text).map(\.title) == ["One", "says \"no\""])
  }

  /// The titles in `@Suite("…")` and `@Test("…")`, in order.
  static func titles(in text: String) -> [(attribute: String, title: String)] {
    text.split(separator: "@", omittingEmptySubsequences: false).dropFirst().compactMap { piece in
      guard let attribute = ["Suite", "Test"].first(where: { piece.hasPrefix("\($0)(") }) else { return nil }
      let rest = piece.dropFirst(attribute.count + 1).drop { $0 == " " || $0 == "\n" }
      guard rest.first == "\"" else { return nil }
      var title = ""
      var isEscaped = false
      for character in rest.dropFirst() {
        if !isEscaped, character == "\"" { break }
        isEscaped = !isEscaped && character == "\\"
        if !isEscaped { title.append(character) }
      }
      return (attribute, title)
    }
  }
}
