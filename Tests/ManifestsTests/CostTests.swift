import Diagnostics
import Manifests
import Testing
import Values

/// The cost of a file depends only on its size, not on its content.
@Suite("The cost of a file", .timeLimit(.minutes(5)))
struct CostTests {
  @Test("settings with a finding on each line are read once, and the findings beyond a hundred counted")
  func settings() throws {
    let text = "apps:\n" + String(repeating: "- x\n", count: 20_000)
    var file = SettingsFile(path: ".kdops.yaml", bytes: Array(text.utf8))
    for index in 0..<20_000 { file.report("layout/schema", at: ["apps", .index(index)], "wrong") }
    #expect(file.findings.count == FindingLimit.standard + 1)
    #expect(file.findings.last?.message == ".kdops.yaml has 19900 more findings, which are not shown")
    #expect(file.findings[50].location == SourceLocation(file: ".kdops.yaml", line: 52, column: 3, length: 1))
  }

  @Test("an error behind a hundred warnings is still reported")
  func worst() {
    var file = SettingsFile(path: "a.yaml", bytes: Array("a: 1\n".utf8))
    for _ in 0..<200 { file.report("x/y", at: ["a"], severity: .warning, "odd") }
    file.report("x/y", at: ["a"], "wrong")
    #expect(file.findings.last?.severity == .error)
  }

  @Test("objects of unknown kinds are counted once there are too many")
  func unknown() throws {
    let items = Array(repeating: #"{"kind":"Secret"}"#, count: 5_000).joined(separator: ",")
    let text = #"{"kind":"List","items":[\#(items)]}"#
    let file = ManifestFile.parse(path: "a.json", bytes: Array(text.utf8))
    #expect(file.findings.count == FindingLimit.standard + 1)
    #expect(file.findings.last?.message.hasPrefix("a.json has 4900 more findings") == true)
  }

  @Test("a key is found among fifty thousand as fast as among few")
  func keys() {
    let members = (0..<50_000).map { "\"k\($0)\":1" }.joined(separator: ",")
    let positions = ManifestPositions(path: "a.json", bytes: Array("{\(members)}".utf8))
    for number in stride(from: 0, to: 50_000, by: 5) {
      #expect(
        positions.location(of: .key, at: [.key("k\(number)")], document: 0).length == "\"k\(number)\"".count)
    }
  }

  @Test("of a duplicate key the last one counts, among few and among many", arguments: [1, 100])
  func repeated(others: Int) {
    let members = (0..<others).map { "\"k\($0)\":1" }.joined(separator: ",")
    let positions = ManifestPositions(path: "a.json", bytes: Array("{\"a\":1,\n\"a\":2,\(members)}".utf8))
    #expect(positions.location(of: .key, at: ["a"], document: 0).line == 2)
  }

  @Test("a name that is too long for Kubernetes is refused before any message repeats it")
  func names() throws {
    let long = String(repeating: "n", count: 254)
    for metadata in ["name: \(long)", "name: a\n  namespace: \(long)"] {
      let text =
        "apiVersion: kubedirector.hpe.com/v1beta1\nkind: KubeDirectorCluster\nmetadata:\n  \(metadata)\nspec: {}\n"
      let file = ManifestFile.parse(path: "a.yaml", bytes: Array(text.utf8))
      #expect(file.documents.isEmpty)
      #expect(try #require(file.findings.first).message.contains("has 254 bytes, more than the 253"))
    }
  }

  @Test("keys, tags and anchors of a megabyte are shortened in messages")
  func messages() {
    let long = String(repeating: "k", count: 100_000)
    for text in ["\(long): 1\n\(long): 2\n", "a: *\(long)\n", "a: !\(long) 1\n"] {
      let file = ManifestFile.parse(path: "a.yaml", bytes: Array(text.utf8))
      for finding in file.findings { #expect(finding.message.utf8.count < 1000) }
      #expect(!file.findings.isEmpty)
    }
  }
}
