import Diagnostics
import Manifests
import Testing
import Values

@Suite("Hostile files")
struct HostileInputTests {
  private static let sample = """
    # größe
    apiVersion: kubedirector.hpe.com/v1beta1
    kind: KubeDirectorCluster
    metadata: {name: &n a, labels: {x: "y", 'z': "\\u00e9"}}
    spec:
      <<: {app: *n}
      roles:
      - id: worker
        members: 0x10
        text: |
          one
          two
    ---
    kind: List
    items: [1, ~, {kind: ConfigMap}]

    """

  /// Reads a file with every reader, and checks what must hold for any result.
  private func survive(_ bytes: [UInt8], _ path: String) {
    let file = ManifestFile.parse(path: path, bytes: bytes)
    let positions = ManifestPositions(path: path, bytes: bytes)
    let source = SourceText(bytes)
    for finding in file.findings {
      guard let place = finding.location else { continue }
      #expect(place.line >= 1 && place.column >= 1 && place.length >= 1)
      #expect(source.line(place.line) != nil, "\(finding) in \(bytes)")
    }
    for document in file.documents {
      for path: FieldPath in [
        .root, ["spec", "app"], ["spec", "roles", 0, "members"], ["metadata", "labels", "x"],
      ] {
        let place = positions.location(at: path, in: document)
        #expect(source.line(place.line) != nil)
      }
    }
  }

  @Test("a truncated file gives a result")
  func truncated() {
    let bytes = Array(Self.sample.utf8)
    for end in 0...bytes.count { survive(Array(bytes[..<end]), "a.yaml") }
    let json = Array(#"{"kind":"List","items":[{"kind":"x","größe":[1,{"a":"\u00e9"}]}]}"#.utf8)
    for end in 0...json.count { survive(Array(json[..<end]), "a.json") }
  }

  @Test("a file with random changes of bytes gives a result")
  func mutated() {
    var state: UInt64 = 42
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let odd = Array("&*!|>-?:,[]{}#%@`\"'\\\t\r\n \u{7F}".utf8) + [0x00, 0x80, 0xC3, 0xEF, 0xFE, 0xFF]
    let original = Array(Self.sample.utf8)
    for _ in 0..<3_000 {
      var bytes = original
      for _ in 0...random(4) {
        let place = random(bytes.count)
        switch random(3) {
        case 0: bytes[place] = odd[random(odd.count)]
        case 1: bytes.insert(odd[random(odd.count)], at: place)
        default: bytes.remove(at: place)
        }
      }
      survive(bytes, "a.yaml")
      survive(bytes, "a.json")
    }
  }

  @Test("a random sequence of YAML's syntax characters gives a result")
  func soup() {
    var state: UInt64 = 7
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int((state >> 33) % UInt64(bound))
    }
    let words = [
      "- ", "a: ", "? ", "[", "]", "{", "}", ", ", "&x ", "*x ", "<<: ", "\n", "  ", "|", "> ", "'", "\"",
      "!!str ", "---\n", "...\n", "#", "é", "kind: List\n", "items:\n",
    ]
    for _ in 0..<3_000 {
      let text = (0..<random(30)).map { _ in words[random(words.count)] }.joined()
      survive(Array(text.utf8), "a.yaml")
    }
  }

  @Test("the text of a finding is printable, although it comes from files")
  func printable() {
    let hostile = "kind: \"\\e[2J\\u202e\"\nmetadata: {name: \"\\a\"}\n"
    for finding in parse(hostile).findings {
      let shown = HumanRenderer().render(finding)
      #expect(shown.unicodeScalars.allSatisfy { $0 == "\n" || $0.properties.generalCategory != .control })
    }
  }
}
