import Diagnostics
import Testing

@Suite("Findings as text for people")
struct HumanRendererTests {
  static let manifest = """
    kind: KubeDirectorCluster
    metadata:
      name: analytics
      namespace: prod
    spec:
      # the newest
      app: spark-1.0.3
    """
  static let source = SourceText(Array(manifest.utf8))

  let analytics = ObjectReference(kind: "KubeDirectorCluster", namespace: "prod", name: "analytics")

  func finding(
    _ line: Int, _ column: Int, _ length: Int, message: String = "this is wrong", hint: String? = nil
  ) -> Diagnostic {
    Diagnostic(
      rule: "cluster/schema", severity: .error,
      location: SourceLocation(file: "clusters/x.yaml", line: line, column: column, length: length),
      message: message, hint: hint)
  }

  func rendered(_ line: String, column: Int, length: Int) -> [String] {
    HumanRenderer { _, _ in line }.render(finding(1, column, length))
      .split(separator: "\n").map(String.init)
  }

  @Test("a finding has its line, an underline and a fix")
  func withSource() throws {
    let finding = Diagnostic(
      rule: "upgrade/newer", severity: .error,
      location: SourceLocation(file: "clusters/prod/analytics.yaml", line: 7, column: 8, length: 11),
      object: analytics,
      message: "version 1.0.3 is not newer than 1.1.0, which cluster prod/analytics runs",
      hint: "publish the image under a version above 1.1.0; a rollback is possible only while an upgrade runs"
    )
    let renderer = HumanRenderer { _, line in Self.source.line(line) }
    try expectGolden(renderer.render(finding) + "\n", "finding.txt")
  }

  @Test("a report is sorted, and has a summary and the list of rules that were not checked")
  func report() throws {
    let report = Report(
      head: "worktree",
      findings: [
        Diagnostic(
          rule: "app/in-use", severity: .error, object: analytics,
          message: "app spark is used by prod/analytics"),
        finding(7, 3, 3, message: "names an app that does not exist", hint: "add apps/spark.json"),
        Diagnostic(
          rule: "cluster/busy", severity: .waiting,
          location: SourceLocation(file: "clusters/gone.yaml", line: 12, column: 1),
          message: "cluster prod/gone is updating"),
        Diagnostic(
          rule: "cluster/unknown-field", severity: .warning,
          location: SourceLocation(file: "clusters/x.yaml", line: 4, column: 3, length: 9),
          message: "metadata.namespace is odd"),
      ],
      objects: [
        .init(object: analytics, change: .upgrade, verdict: .rejected),
        .init(
          object: ObjectReference(kind: "KubeDirectorApp", namespace: "prod", name: "a"), change: .create,
          verdict: .accepted),
      ],
      notJudged: ["upgrade/configured", "rollback/once"])
    let renderer = HumanRenderer { file, line in file == "clusters/x.yaml" ? Self.source.line(line) : nil }
    try expectGolden(renderer.render(report), "report.txt")
    let coloured = HumanRenderer(colour: true) { file, line in
      file == "clusters/x.yaml" ? Self.source.line(line) : nil
    }
    try expectGolden(coloured.render(report), "report-coloured.txt")
  }

  @Test("a report without findings says so")
  func clean() {
    #expect(HumanRenderer().render(Report(head: "worktree")) == "no findings\n")
  }

  @Test(
    "the caret is below the position, whether characters take one column, two or none",
    arguments: [
      ("  app: x", 8, 1, "  app: x", 7, 1), ("\tapp: x", 7, 1, "    app: x", 9, 1),
      ("a\tb", 3, 1, "a   b", 4, 1),
      ("名前: x", 5, 1, "名前: x", 6, 1), ("x: 名前", 4, 2, "x: 名前", 3, 4),
      ("e\u{301}e\u{301}: x", 7, 1, "e\u{301}e\u{301}: x", 4, 1), ("😀: x", 4, 1, "😀: x", 4, 1),
      ("👩‍👩‍👧: x", 8, 1, "👩‍👩‍👧: x", 4, 1), ("ab", 3, 1, "ab", 2, 1), ("ab", 99, 5, "ab", 2, 1), ("", 1, 1, "", 0, 1),
      ("abc", 2, 99, "abc", 1, 2), ("abc", 0, 0, "abc", 0, 1),
    ])
  func carets(line: String, column: Int, length: Int, shown: String, indent: Int, carets: Int) {
    let lines = rendered(line, column: column, length: length)
    #expect(lines[1] == "   1 | \(shown)")
    let underline = String(repeating: " ", count: indent) + String(repeating: "^", count: carets)
    #expect(lines[2] == "     | \(underline) this is wrong")
  }

  @Test(
    "of a line of a megabyte only the part around the position is shown",
    arguments: [1, 2, 500, 100_000, 999_999, 2_000_000])
  func megabyte(column: Int) {
    let lines = rendered(String(repeating: "x", count: 1 << 20), column: column, length: 5)
    #expect(lines[1].count < 140 && lines[2].count < 170)
    let caret = lines[2].firstIndex(of: "^").map { lines[2].distance(from: lines[2].startIndex, to: $0) } ?? 0
    #expect(column > 1 << 20 || Array(lines[1])[caret] == "x")
  }

  @Test("a line whose characters have thousands of marks is cut like any other")
  func marks() {
    let line = "a" + String(repeating: "\u{301}", count: 200_000) + "b"
    let lines = rendered(line, column: 100_000, length: 1)
    #expect(lines[1].unicodeScalars.count < 2000)
    #expect(lines[1].contains("…"))
  }

  @Test("thousands of findings in one long line are printed quickly", .timeLimit(.minutes(5)))
  func manyInOneLine() {
    let source = SourceText(Array(repeating: UInt8(ascii: "x"), count: 1 << 20))
    let line = source.line(1) ?? ""
    let renderer = HumanRenderer { _, _ in line }
    for number in 0..<2_000 {
      let place = source.location(file: "x.json", from: number * 500, to: number * 500 + 3)
      #expect(place.column == number * 500 + 1)
      let text = renderer.render(Diagnostic(rule: "a/b", severity: .error, location: place, message: "m"))
      #expect(text.utf8.count < 1000)
    }
  }

  @Test("no control character from a file, a name or a message reaches the terminal")
  func controls() {
    let hostile = "a\u{1B}[31m\u{7}b\u{7F}\u{9B}2J\u{202E}c\u{2028}\r\u{0}"
    let finding = Diagnostic(
      rule: "x/y", severity: .error, location: SourceLocation(file: hostile, line: 1, column: 3, length: 2),
      message: hostile + "\n", hint: hostile)
    let text = HumanRenderer { _, _ in hostile }.render(finding)
    let forbidden = text.unicodeScalars.filter {
      $0 != "\n" && [.control, .format, .lineSeparator].contains($0.properties.generalCategory)
    }
    #expect(forbidden.isEmpty)
    #expect(text.split(separator: "\n").count == 4)
    #expect(text.contains("a␛[31m␇b␡"))
    let homeless = Diagnostic(
      rule: "x/y", severity: .error, object: ObjectReference(kind: "K", namespace: "n", name: hostile),
      message: "m")
    #expect(!HumanRenderer().render(homeless).unicodeScalars.contains("\u{1B}"))
  }

  @Test("each control character takes one column, so the caret after it is correct")
  func caretAfterControl() {
    let lines = rendered("a\u{1B}b", column: 3, length: 1)
    #expect(lines[1] == "   1 | a␛b")
    #expect(lines[2] == "     |   ^ this is wrong")
  }

  @Test("a line that is too long is cut around the position")
  func longLine() {
    let line = String(repeating: "a", count: 5_000) + "HERE" + String(repeating: "b", count: 5_000)
    let lines = rendered(line, column: 5_001, length: 4)
    #expect(lines.allSatisfy { $0.count < 140 })
    let caret = lines[2].firstIndex(of: "^").map { lines[2].distance(from: lines[2].startIndex, to: $0) }
    let place = lines[1].firstIndex(of: "H").map { lines[1].distance(from: lines[1].startIndex, to: $0) }
    #expect(caret == place)
    #expect(lines[2].contains("^^^^ "))
    #expect(lines[1].contains("| …a") && lines[1].hasSuffix("b…"))
  }

  @Test("line numbers beyond 9999 keep the bars aligned")
  func wideNumbers() {
    let text = HumanRenderer { _, _ in "abc" }.render(finding(123_456, 1, 3))
    #expect(text.contains("123456 | abc\n       | ^^^ this"))
  }
}
