import Diagnostics
import Testing

@testable import DesiredState

@Suite(".kdops.yaml")
struct RepositoryLayoutTests {
  private func parse(_ text: String) -> (layout: RepositoryLayout, findings: [Diagnostic]) {
    RepositoryLayout.parse(Array(text.utf8))
  }

  @Test("has a default for every key")
  func defaults() {
    let (layout, findings) = parse("schemaVersion: 1\n")
    #expect(layout == RepositoryLayout())
    #expect(layout.apps == ["apps/**"])
    #expect(layout.clusters == ["clusters/**"])
    #expect(layout.defaultNamespace == "default")
    #expect(findings.isEmpty)
    #expect(parse("").findings.isEmpty)
  }

  @Test("a long value is cut in the finding about it")
  func longValue() {
    let findings = parse("schemaVersion: \(String(repeating: "x", count: 100_000))\n").findings
    #expect(findings.map(\.message.utf8.count).allSatisfy { $0 < 200 } && findings.count == 1)
  }

  @Test(
    "accepts only a valid name as the default namespace",
    arguments: ["", "-a", "a-", "A", "a.b", "a/b", "a\u{2028}b", String(repeating: "x", count: 64)])
  func illegalNamespace(name: String) {
    let (layout, findings) = RepositoryLayout.parse(Array("{\"defaultNamespace\": \"\(name)\"}".utf8))
    #expect(layout.defaultNamespace == "default")
    #expect(findings.map(\.message) == ["defaultNamespace must be the name of a namespace"])
  }

  @Test("lists the images that the embedded node can pull")
  func images() {
    let (layout, findings) = parse(
      """
      embedded:
        images:
          - image: "registry.example/spark:1.*"
            rootfs: images/spark/1.x
            pull: 300ms
            start: 2s
          - image: "registry.example/bad:1"
            crash: true
      """)
    #expect(findings.isEmpty)
    #expect(layout.images.map(\.image) == ["registry.example/spark:1.*", "registry.example/bad:1"])
    #expect(layout.images.first?.rootfs == "images/spark/1.x")
    #expect(layout.images.first?.pull == .milliseconds(300))
    #expect(layout.images.first?.start == .seconds(2))
    #expect(layout.images.last?.crash == true)
  }

  @Test(
    "is refused with the position of the error",
    arguments: [
      ("app: [x]\n", 1, 1, "did you mean `apps`?"),
      ("schemaVersion: 2\n", 1, 16, "write schemaVersion: 1"),
      ("apps: everywhere\n", 1, 7, "write [\"apps/**\"]"),
      ("embedded:\n  images:\n    - image: a\n      pull: soon\n", 4, 13, "write 500ms, 1s or 5m"),
      ("embedded:\n  images:\n    - image: a\n      rootfs: ../etc\n", 4, 15, "write images/spark/1.0"),
      ("embedded:\n  images:\n    - image: a\n      rootfs: /etc\n", 4, 15, "write images/spark/1.0"),
      ("embedded:\n  images:\n    - image: a\n      rootfs: \"im/*\"\n", 4, 15, "write images/spark/1.0"),
      ("embedded:\n  images:\n    - image: a\n      rootfs: a//b\n", 4, 15, "write images/spark/1.0"),
      (
        "embedded:\n  images:\n    - image: a\n      rootfs: a\u{2f}\u{301}/../..\n", 4, 15,
        "write images/spark/1.0"
      ),
    ])
  func refused(text: String, line: Int, column: Int, hint: String) throws {
    let finding = try #require(parse(text).findings.first)
    #expect(finding.severity == .error)
    #expect(finding.location?.line == line)
    #expect(finding.location?.column == column)
    #expect(finding.hint == hint)
  }

  @Test(
    "with a glob that cannot be parsed has the default globs, which can",
    arguments: ["clusters/[", "/x", Array(repeating: "x", count: 65).joined(separator: "/")])
  func badGlob(glob: String) throws {
    let (layout, findings) = parse("apps: [\"a/**\"]\nclusters: [\"b/**\", \"\(glob)\"]\n")
    #expect(findings.map(\.rule) == ["layout/schema"])
    #expect(findings.first?.location?.line == 2 && findings.first?.location?.column == 20)
    #expect(layout.apps == ["a/**"] && layout.clusters == ["clusters/**"])
    _ = try layout.selection()
  }

  @Test(
    "with invalid YAML is a finding, not a crash", arguments: ["\t- x", "apps: [", "a: 1\na: 2\n", "[1, 2]"])
  func broken(text: String) {
    #expect(parse(text).findings.contains { $0.severity == .error })
  }

  @Test("with thousands of globs or images is refused because of their number", .timeLimit(.minutes(5)))
  func tooMany() throws {
    let globs = (0..<20_000).map { "- a\($0)/**\n" }.joined()
    let finding = try #require(parse("apps:\n\(globs)").findings.first)
    #expect(finding.message == "apps has 20000 globs, more than the 64 that are read")
    let wrong = parse("apps:\n" + String(repeating: "- /x\n", count: 20_000)).findings
    #expect(wrong.count == 1)
    let images = (0..<2_000).map { "    - image: i\($0)\n" }.joined()
    let many = try #require(parse("embedded:\n  images:\n\(images)").findings.first)
    #expect(many.message == "embedded.images has 2000 entries, more than the 1000 that are read")
    let long = String(repeating: "a*", count: 1_000)
    #expect(
      parse("apps: [\"\(long)\"]\n").findings.first?.message.hasSuffix("is longer than 1024 bytes") == true)
    #expect(parse("embedded: {images: [{image: \"\(long)\"}]}\n").findings.count == 1)
  }
}
