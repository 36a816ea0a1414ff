import Diagnostics
import Manifests
import Testing

@Suite("Syntax errors: position and fix")
struct SyntaxPlaceTests {
  @Test("a tab in indentation is a finding with its position")
  func tabs() {
    let file = parse("kind: x\nspec:\n\tapp: y\n")
    #expect(places(file) == ["file/syntax 3:1+1"])
    #expect(file.findings.first?.message == "a tab indents this line, and YAML allows only spaces there")
    #expect(file.findings.first?.hint == "replace the tab with spaces")
    #expect(places(parse("spec:\n  a: 1\n  \tb: 2\n")) == ["file/syntax 3:3+1"])
  }

  @Test(
    "YAML syntax errors have a position and a fix",
    arguments: [
      ("a: b: c\n", "1:5"), ("a: [1, 2\n", "2:1"), ("a: 'x\n", "2:1"), ("a: @x\n", "1:4"),
      ("a: 1\n b: 2\n", "2:3"),
      ("a:\n  - 1\n b: 2\n", "3:2"), ("größe: 名前: x\n", "1:10"), ("a: \"\\q\"\n", "1:5"), ("}\n", "1:1"),
      ("a: %x\n", "1:4"), ("- a\nb: 1\n", "2:1"), ("a: 1\nb\nc: 2\n", "3:1"),
      ("%YAML 3.0\n---\na: 1\n", "1:1"),
    ])
  func yamlPlaces(text: String, place: String) {
    let file = parse(text)
    #expect(file.documents.isEmpty)
    #expect(places(file) == ["file/syntax \(place)+1"])
    #expect(file.findings.first?.message.hasPrefix("the file is not valid YAML: ") == true)
  }

  @Test("an unfinished collection is named by its line")
  func context() {
    let message = parse("a:\n  b: 1\n  - c\n").findings.first?.message
    #expect(
      message?.hasSuffix("while parsing a block mapping that begins on line 2") == true, "\(message ?? "")")
  }

  @Test(
    "JSON syntax errors have a position and a fix",
    arguments: [
      ("{\n  \"a\": 1,\n}", "file/syntax 3:1+1", "remove the comma before it"),
      ("{\n  'a': 1\n}", "file/syntax 2:3+1", "JSON's strings take double quotes"),
      ("{\n  // note\n}", "file/syntax 2:3+1", "JSON has no comments; name the file .yaml to have them"),
      ("{\"ä\": 1 \"b\": 2}", "file/syntax 1:9+1", "a comma may be missing before it"),
      ("{\"a\": [", "file/syntax 1:8+1", "close the open bracket or quote"),
      ("{\"a\": 1,\n \"a\": 2}", "file/duplicate-key 2:2+3", "keep one of the two"),
    ])
  func jsonPlaces(text: String, place: String, hint: String) {
    let file = parse(text, path: "a.json")
    #expect(places(file) == [place])
    #expect(file.findings.first?.hint == hint)
  }

  @Test("JSON's limits and invalid escapes have a position")
  func jsonLimits() {
    #expect(places(parse(String(repeating: "[", count: 100), path: "a.json")) == ["file/limit 1:65+1"])
    #expect(places(parse("{\"a\": \"\\ud800\"}", path: "a.json")) == ["file/encoding 1:8+1"])
  }
}
