import Testing
import Values

@testable import Manifests

@Suite("Reading YAML")
struct YAMLReaderTests {
  @Test("collections in block and flow style keep their order")
  func collections() {
    let read = yaml("b: [1, {c: d}]\na:\n- x\n-\n  k: z\n- - 1\n  - 2\ne: {}\n")
    #expect(read.documents == [["b": [1, ["c": "d"]], "a": ["x", ["k": "z"], [1, 2]], "e": [:]]])
    #expect(read.documents.first?.text() == #"{"b":[1,{"c":"d"}],"a":["x",{"k":"z"},[1,2]],"e":{}}"#)
  }

  @Test("several documents are read; those with only comments have no content")
  func documents() {
    let text = "# only a comment\n---\n# another\n---\na: 1\n---\n---\nb: 2\n...\n# the end\n"
    #expect(yaml(text).documents == [["a": 1], ["b": 2]])
    #expect(yaml("").documents.isEmpty)
    #expect(yaml("# nothing\n").documents.isEmpty)
    #expect(yaml("\n\n").documents.isEmpty)
  }

  @Test("scalar keys become strings, as in kubectl")
  func keys() {
    #expect(
      yaml("1: a\n0x10: b\nyes: c\n1.5: d\n'2': e\n").documents == [
        ["1": "a", "16": "b", "true": "c", "1.5": "d", "2": "e"]
      ])
  }

  @Test(
    "keys that are not scalars are findings",
    arguments: ["? [a]\n: 1\n", "? {a: b}\n: 1\n", "~: 1\n", ": 1\n"])
  func oddKeys(text: String) {
    #expect(yaml(text).issues.map(\.rule) == ["file/syntax"])
  }

  @Test("a duplicate key is a finding at the second one, and reading continues")
  func duplicates() {
    let read = yaml("a: 1\nb: 2\n\"a\": 3\nc: {d: 1, d: 2}\n1: x\n'1': y\n")
    #expect(read.issues.map(\.rule) == Array(repeating: "file/duplicate-key", count: 3))
    #expect(read.issues.map(\.place) == [.scalars(10..<13), .scalars(27..<28), .scalars(38..<41)])
  }

  @Test("a duplicate key is detected even if its first value is null")
  func duplicateOfNull() {
    #expect(yaml("a:\na: 1\n").issues.map(\.rule) == ["file/duplicate-key"])
  }

  @Test("aliases are replaced by their anchors' values")
  func aliases() {
    #expect(
      yaml("a: &x {k: 1}\nb: *x\nc: &y text\nd: [*y, *y]\n").documents
        == [["a": ["k": 1], "b": ["k": 1], "c": "text", "d": ["text", "text"]]])
    #expect(yaml("a: &x 1\nb: &x 2\nc: *x\n").documents == [["a": 1, "b": 2, "c": 2]])
  }

  @Test("an alias without an anchor, to another document, or inside itself is a finding")
  func danglingAliases() {
    for text in ["a: *x\n", "a: &x 1\n---\nb: *x\n", "a: &x [*x]\n", "&x {a: {b: *x}}\n", "- *x\n- &x 1\n"] {
      #expect(yaml(text).issues.map(\.rule) == ["file/syntax"], "\(text)")
    }
  }

  @Test("merge keys add only missing keys, wherever they are")
  func mergeKeys() {
    let base = "base: &b {x: 1, q: 2}\nmore: &m {q: 3, z: 4}\n"
    #expect(yaml(base + "v: {<<: *b, q: 9}\n").documents.first?["v"] == ["x": 1, "q": 9])
    #expect(yaml(base + "v: {q: 9, <<: *b}\n").documents.first?["v"] == ["x": 1, "q": 9])
    #expect(yaml(base + "v: {<<: [*b, *m]}\n").documents.first?["v"] == ["x": 1, "q": 2, "z": 4])
    #expect(yaml(base + "v: {'<<': *b}\n").documents.first?["v"] == ["<<": ["x": 1, "q": 2]])
    for wrong in ["v: {<<: 1}\n", "v: {<<: []}\n", "v: {<<: [1]}\n", "v: {<<: }\n"] {
      #expect(yaml(wrong).issues.map(\.rule) == ["file/syntax"], "\(wrong)")
    }
  }

  @Test("nesting stops at the limit, in every style")
  func depth() {
    func flow(_ levels: Int) -> String {
      String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    #expect(yaml(flow(64)).issues.isEmpty)
    #expect(yaml(flow(65)).issues.map(\.rule) == ["file/limit"])
    #expect(yaml(String(repeating: "[", count: 500_000)).issues.map(\.rule) == ["file/limit"])
    #expect(yaml(String(repeating: "- ", count: 65) + "x").issues.map(\.rule) == ["file/limit"])
    #expect(yaml(String(repeating: "{a: ", count: 100)).issues.map(\.rule) == ["file/limit"])
    #expect(yaml(String(repeating: "? ", count: 100)).issues.map(\.rule) == ["file/limit"])
  }

  @Test("aliases cannot nest deeper than written values")
  func depthByAliases() {
    let half = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
    #expect(yaml("a: &a \(half)\nb: [*a]\n").issues.isEmpty)
    let twice = String(repeating: "[", count: 30) + "*a" + String(repeating: "]", count: 30)
    #expect(yaml("a: &a \(half)\nb: \(twice)\n").issues.map(\.rule) == ["file/limit"])
  }

  @Test("an alias bomb is detected before it is expanded")
  func bomb() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for level in 1...12 {
      let aliases = Array(repeating: "*a\(level - 1)", count: 10).joined(separator: ", ")
      text += "a\(level): &a\(level) [\(aliases)]\n"
    }
    #expect(yaml(text).issues.map(\.rule) == ["file/limit"])
  }

  @Test("a long text cannot be multiplied without limit")
  func textBomb() {
    let text =
      "a: &a \"\(String(repeating: "x", count: 100_000))\"\nb: [\(Array(repeating: "*a", count: 50).joined(separator: ","))]\n"
    #expect(yaml(text).issues.map(\.rule) == ["file/limit"])
  }

  @Test("merge keys count as the values that they add")
  func mergeBomb() {
    var text = "m0: &m0 {\((0..<100).map { "k\($0): 1" }.joined(separator: ", "))}\n"
    for index in 0..<2_000 { text += "n\(index): {<<: *m0}\n" }
    #expect(yaml(text).issues.map(\.rule) == ["file/limit"])
  }

  @Test("the number of values is limited")
  func nodes() {
    var limits = ManifestLimits.standard
    limits.nodes = 10
    #expect(yaml("[1,2,3,4,5,6,7,8,9]", limits: limits).issues.isEmpty)
    #expect(yaml("[1,2,3,4,5,6,7,8,9,10]", limits: limits).issues.map(\.rule) == ["file/limit"])
  }

  @Test("a file with only errors has a limited number of findings")
  func manyIssues() {
    #expect(yaml(String(repeating: "a: 1\n", count: 20_000)).issues.count == 50)
    #expect(yaml(String(repeating: "a: 1\na: 2\n---\n", count: 20_000)).issues.count == 50)
  }
}
