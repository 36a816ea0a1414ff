import Diagnostics
import Manifests
import Testing
import Values

@Suite("Positions of values")
struct PositionTests {
  static let text = """
    # größe
    kind: KubeDirectorCluster
    "spec":
      app: "spark"   # the app
      名前: { a: 1, b: [x, yy] }
      env:
      - name: A
        value: |
          one
          two
      -   - deep
      empty:
      list: [
        1,
        2
      ]
      base: &b
        k: v
      alias: *b
      merged:
        <<: *b
        own: 1
    ---
    second: true
    """
  static let positions = ManifestPositions(path: "a.yaml", bytes: Array(text.utf8))

  private func place(_ path: FieldPath, _ part: ManifestPositions.Part = .value, document: Int = 0) -> String
  {
    let place = Self.positions.location(of: part, at: path, document: document)
    return "\(place.line):\(place.column)+\(place.length)"
  }

  @Test("scalars and keys have positions")
  func scalars() {
    #expect(place(["kind"]) == "2:7+19")
    #expect(place(["kind"], .key) == "2:1+4")
    #expect(place(["spec", "app"]) == "4:8+7")
    #expect(place(["spec", "名前"], .key) == "5:3+2")
    #expect(place(["spec", "名前", "b", 1]) == "5:22+2")
    #expect(place(["second"], document: 1) == "24:9+4")
  }

  @Test("a collection on one line is marked as a whole, others at their key or their start")
  func collections() {
    #expect(place(["spec", "名前"]) == "5:7+20")
    #expect(place(["spec", "名前", "b"]) == "5:18+7")
    #expect(place(["spec"]) == "3:1+6")
    #expect(place(["spec", "env"]) == "6:3+3")
    #expect(place(["spec", "env", 0]) == "7:5+4")
    #expect(place(["spec", "env", 1]) == "11:7+6")
    #expect(place(["spec", "list"]) == "13:3+4")
    #expect(place(.root) == "2:1+4")
  }

  @Test("a value of several lines is marked on its first line")
  func multiLine() {
    #expect(place(["spec", "env", 0, "value"]) == "8:12+1")
  }

  @Test("an empty or missing value has the position of the nearest existing key")
  func missing() {
    #expect(place(["spec", "empty"]) == "12:3+5")
    #expect(place(["spec", "nowhere", "at", "all"]) == "3:1+6")
    #expect(place(["spec", "app", "inside"]) == "4:3+3")
    #expect(place(["spec", "env", 0, "nowhere"]) == "7:5+4")
    #expect(place(["spec", "env", 9]) == "6:3+3")
    #expect(place(["nowhere"]) == "2:1+4")
    #expect(place(["kind"], document: 7) == "1:1+1")
  }

  @Test("a value from an alias or a merge has the position of the alias or merge")
  func aliases() {
    #expect(place(["spec", "alias"]) == "19:10+2")
    #expect(place(["spec", "alias", "k"]) == "19:10+2")
    #expect(place(["spec", "merged", "k"]) == "21:9+2")
    #expect(place(["spec", "merged", "own"]) == "22:10+1")
  }

  @Test("scalars are returned as they were written")
  func written() {
    #expect(Self.positions.scalarText(at: ["spec", "app"], document: 0) == "spark")
    #expect(Self.positions.scalarText(at: ["spec", "名前", "a"], document: 0) == "1")
    #expect(Self.positions.scalarText(at: ["spec"], document: 0) == nil)
    #expect(Self.positions.scalarText(at: ["spec", "env", 0, "value"], document: 0) == nil)
    #expect(Self.positions.scalarText(at: ["spec", "empty"], document: 0) == nil)
  }

  @Test("JSON has positions too")
  func json() {
    let text = """
      {
        "kind": "x", "größe\\u0041": [1, {"b": null}],
        "spec": {
          "app": true
        }
      }
      """
    let positions = ManifestPositions(path: "a.json", bytes: Array(text.utf8))
    func place(_ path: FieldPath, _ part: ManifestPositions.Part = .value) -> String {
      let place = positions.location(of: part, at: path, document: 0)
      return "\(place.line):\(place.column)+\(place.length)"
    }
    #expect(place(.root) == "1:1+1")
    #expect(place(["kind"]) == "2:11+3")
    #expect(place(["größeA"], .key) == "2:16+13")
    #expect(place(["größeA", 1, "b"]) == "2:41+4")
    #expect(place(["größeA", 1]) == "2:35+11")
    #expect(place(["spec"]) == "3:3+6")
    #expect(place(["spec", "app"]) == "4:12+4")
    #expect(place(["spec", "nowhere"]) == "3:3+6")
  }

  @Test("objects of a List are found by their own paths")
  func lists() {
    let text =
      "kind: List\nitems:\n- "
      + cluster("a", "spec: {app: x}").split(separator: "\n").joined(separator: "\n  ")
    let file = parse(text)
    let document = file.documents[0]
    let place = ManifestFile.locate(
      bytes: Array(text.utf8), path: "clusters/a.yaml", document: document, ["spec", "app"])
    #expect(place == SourceLocation(file: "clusters/a.yaml", line: 7, column: 15, length: 1))
  }

  @Test("CRLF line ends change nothing")
  func carriageReturns() {
    let text = Self.text.replacing("\n", with: "\r\n")
    let positions = ManifestPositions(path: "a.yaml", bytes: Array(text.utf8))
    for path: FieldPath in [
      ["spec", "app"], ["spec", "名前"], ["spec", "env", 0, "value"], ["spec", "merged", "own"],
    ] {
      #expect(
        positions.location(at: path, document: 0) == Self.positions.location(at: path, document: 0), "\(path)"
      )
    }
  }

  @Test("positions before a syntax error are valid")
  func broken() {
    let positions = ManifestPositions(path: "a.yaml", bytes: Array("a: 1\n---\nb: [\n".utf8))
    #expect(positions.location(at: ["a"], document: 0) == SourceLocation(file: "a.yaml", line: 1, column: 4))
  }
}
