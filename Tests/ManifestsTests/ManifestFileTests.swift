import Diagnostics
import Manifests
import Testing
import Values

@Suite("Reading files of objects")
struct ManifestFileTests {
  @Test("an object has its kind, namespace and name")
  func object() {
    let file = parse("# a cluster\n" + cluster("spark", "  namespace: prod\nspec: {app: x}"))
    #expect(file.findings.isEmpty)
    #expect(file.isWhole)
    let document = file.documents.first
    #expect(document?.kind == .cluster)
    #expect(document?.json["spec"] == ["app": "x"])
    #expect(
      document?.reference(defaultNamespace: "d")
        == ObjectReference(kind: "KubeDirectorCluster", namespace: "prod", name: "spark"))
    #expect(parse(cluster("x")).documents.first?.reference(defaultNamespace: "d").namespace == "d")
  }

  @Test("several documents keep their numbers, and empty ones count")
  func documents() {
    let file = parse("---\n# nothing\n---\n\(cluster("a"))---\n\(cluster("b"))")
    #expect(file.documents.map(\.name) == ["a", "b"])
    #expect(file.documents.map(\.index) == [1, 2])
  }

  @Test("Lists are expanded, and their objects have positions")
  func lists() {
    let items = """
      apiVersion: v1
      kind: List
      items:
      - {apiVersion: kubedirector.hpe.com/v1beta1, kind: KubeDirectorApp, metadata: {name: a}}
      - kind: KubeDirectorClusterList
        apiVersion: kubedirector.hpe.com/v1beta1
        items:
        - {apiVersion: kubedirector.hpe.com/v1beta1, kind: KubeDirectorCluster, metadata: {name: b}}
      """
    let file = parse(items)
    #expect(file.findings.isEmpty)
    #expect(file.documents.map(\.name) == ["a", "b"])
    #expect(file.documents.map(\.prefix) == [["items", 0], ["items", 1, "items", 0]])
    #expect(parse("kind: List\nitems: []\n").findings.isEmpty)
    #expect(places(parse("kind: List\nitems: x\n")) == ["file/syntax 2:8+1"])
    #expect(places(parse("kind: List\nitems:\n- 1\n")) == ["file/syntax 3:3+1"])
  }

  @Test("a file named .json is read as JSON")
  func json() {
    let text =
      #"{"apiVersion":"kubedirector.hpe.com/v1beta1","kind":"KubeDirectorApp","metadata":{"name":"a"}}"#
    #expect(parse(text, path: "apps/a.json").documents.map(\.kind) == [.app])
    #expect(parse(text, path: "apps/a.yaml").documents.map(\.kind) == [.app])
    #expect(places(parse("kind: x", path: "apps/a.json")) == ["file/syntax 1:1+1"])
    #expect(places(parse("", path: "apps/a.json")) == ["file/syntax 1:1+1"])
  }

  @Test("a broken document does not hide those before it, and marks the file as incomplete")
  func broken() {
    let file = parse("\(cluster("a"))---\n\(cluster("b"))---\nx: [\n---\n\(cluster("c"))")
    #expect(file.documents.map(\.name) == ["a", "b"])
    #expect(!file.isWhole)
    #expect(file.findings.map(\.rule) == ["file/syntax"])
  }

  @Test("a document with a duplicate key is omitted, its neighbours are read")
  func duplicate() {
    let file = parse("\(cluster("a"))---\n\(cluster("b", "spec: {app: x, app: y}"))---\n\(cluster("c"))")
    #expect(file.documents.map(\.name) == ["a", "c"])
    #expect(places(file) == ["file/duplicate-key 11:16+3"])
    #expect(file.findings.first?.object?.name == "b")
    #expect(!file.isWhole)
  }

  @Test("a kind that is only canonically equivalent to a known one is another kind")
  func equivalentKind() {
    let kelvin = cluster("a").replacing("kind: K", with: "kind: \u{212A}")
    let file = parse(kelvin)
    #expect(!kelvin.isExactly(cluster("a")))
    #expect(file.documents.isEmpty && file.findings.map(\.rule) == ["file/unknown-kind"])
  }

  @Test("a mapping's keys are equal if their bytes are")
  func equivalentKeys() {
    let file = parse(cluster("a", "spec: {app: x, caf\u{E9}: 1, cafe\u{301}: 2}"))
    #expect(file.isWhole && file.documents.first?.json["spec"]?.object?.count == 3)
  }

  @Test("objects of other kinds cause a warning, and the file counts as complete")
  func unknownKinds() {
    let file = parse("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n")
    #expect(places(file) == ["file/unknown-kind 2:7+9"])
    #expect(file.findings.first?.severity == .warning)
    #expect(file.isWhole)
    let slip = parse("apiVersion: kubedirector.hpe.com/v1beta1\nkind: KubeDirectorClutser\n").findings.first
    #expect(slip?.hint == "did you mean `KubeDirectorCluster`?")
    let old = parse("apiVersion: kubedirector.bluedata.io/v1alpha1\nkind: KubeDirectorApp\n").findings.first
    #expect(old?.hint == "write apiVersion: kubedirector.hpe.com/v1beta1")
    #expect(old?.location == SourceLocation(file: "clusters/a.yaml", line: 1, column: 13, length: 33))
    #expect(places(parse("kind: KubeDirectorApp\n")) == ["file/unknown-kind 1:1+4"])
    #expect(places(parse("a: 1\n")) == ["file/unknown-kind 1:1+1"])
  }

  @Test("a file full of unknown kinds has a limited number of findings, and never hides an error")
  func manyFindings() {
    let others = String(repeating: "- {kind: Pod}\n", count: 5_000)
    let file = parse("kind: List\nitems:\n\(others)- 1\n- 2\n")
    // A hundred, one error, and one finding that counts the others.
    #expect(file.findings.count == 102)
    #expect(file.findings.last?.message == "clusters/a.yaml has 4901 more findings, which are not shown")
    #expect(!file.isWhole)
  }

  @Test("a document must be an object", arguments: ["- a\n", "text\n", "12\n"])
  func notAnObject(text: String) {
    #expect(parse(text).findings.map(\.rule) == ["file/syntax"])
  }

  @Test("an object without a valid name is an error with its own rule")
  func names() {
    func finding(_ metadata: String) -> Diagnostic? {
      parse("apiVersion: kubedirector.hpe.com/v1beta1\nkind: KubeDirectorApp\n\(metadata)\n").findings.first
    }
    let missing = finding("metadata: {}")
    #expect(missing?.rule == "app/schema" && missing?.severity == .error)
    #expect(missing?.location == SourceLocation(file: "clusters/a.yaml", line: 3, column: 1, length: 8))
    let number = finding("metadata:\n  name: 1.0")
    #expect(number?.hint == "write it in quotes: \"1.0\"")
    #expect(number?.location == SourceLocation(file: "clusters/a.yaml", line: 4, column: 9, length: 3))
    #expect(finding("metadata: {name: \"\"}")?.rule == "app/schema")
    #expect(finding("spec: {}")?.message == "metadata.name is missing")
    #expect(parse(cluster("x", "  namespace:\nspec: {}")).documents.map(\.namespace) == [nil])
    #expect(finding("metadata: {name: x, namespace: 5}")?.message.contains("metadata.namespace") == true)
  }

  @Test("a file above the size limit is refused unread")
  func size() {
    var limits = ManifestLimits.standard
    limits.bytes = 50
    #expect(places(parse(cluster("spark"), limits: limits)) == ["file/limit 1:1+1"])
    let big = ManifestFile.parse(path: "a.yaml", bytes: [UInt8](repeating: 0x20, count: 1 << 20 + 1))
    #expect(places(big) == ["file/limit 1:1+1"])
  }

  @Test("a byte order mark is read over, and counts in no place", arguments: ["a.yaml", "a.json"])
  func byteOrderMark(path: String) {
    let text = #"{"kind": "KubeDirectorCluster", "apiVersion": "x/v1"}"#
    let plain = ManifestFile.parse(path: path, bytes: Array(text.utf8))
    #expect(ManifestFile.parse(path: path, bytes: Array("\u{FEFF}\(text)".utf8)) == plain)
    #expect(places(plain).count == 1)
  }

  @Test(
    "other encodings than plain UTF-8 are named",
    arguments: [
      ([0xFF, 0xFE, 0x61, 0x00] as [UInt8], "file/encoding 1:1+1"),
      ([0xFE, 0xFF, 0x00, 0x61], "file/encoding 1:1+1"), ([0x61, 0x00, 0x3A, 0x00], "file/encoding 1:1+1"),
      ([0x61, 0x3A, 0x0A, 0x62, 0xFF], "file/encoding 2:2+1"),
      ([0x61, 0x3A, 0x20, 0x07], "file/encoding 1:4+1"),
    ])
  func encodings(bytes: [UInt8], place: String) {
    #expect(places(ManifestFile.parse(path: "a.yaml", bytes: bytes)) == [place])
    #expect(ManifestFile.parse(path: "a.json", bytes: bytes).findings.count == 1)
  }
}
