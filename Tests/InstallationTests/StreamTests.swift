import KubeDirector
import Manifests
import TestSupport
import Testing
import Values

@testable import Installation

@Suite("The exported stream")
struct StreamTests {
  @Test("matches its golden file exactly", arguments: Sample.allCases)
  func golden(_ sample: Sample) throws {
    let text = sample.export.text
    #expect(try Golden.stored("\(sample.rawValue).yaml", recording: text) == text)
  }

  @Test("is read back as the intended objects", arguments: Sample.allCases)
  func parses(_ sample: Sample) throws {
    let text = try Golden.stored("\(sample.rawValue).yaml", recording: sample.export.text)
    #expect(try documents(text) == sample.export.objects)
    // Everything that people review is at most a screen wide; the schema's texts and patterns may be wider.
    let wide = text.split(separator: "\n").filter { $0.count > 110 }
    #expect(wide.allSatisfy { $0.contains(" description: ") || $0.contains(" pattern: ") })
  }

  @Test(
    "contains the custom resource definitions against which files are validated", arguments: Sample.allCases)
  func definitions(_ sample: Sample) throws {
    let text = try Golden.stored("\(sample.rawValue).yaml", recording: sample.export.text)
    #expect(try documents(text).filter { $0.kind == "CustomResourceDefinition" } == CustomResources.all)
  }

  @Test("contains each object after those that it needs", arguments: Sample.allCases)
  func order(_ sample: Sample) {
    let order = [
      "Namespace", "CustomResourceDefinition", "ServiceAccount", "ClusterRole", "Role", "ClusterRoleBinding",
      "RoleBinding", "Service", "ValidatingWebhookConfiguration", "ConfigMap", "Deployment",
    ]
    let objects = sample.export.objects
    #expect(objects.allSatisfy { order.contains($0.kind) })
    #expect(objects.first?.kind == "Namespace" && objects.first?.name == sample.settings.namespace)
    let firsts = order.compactMap { kind in objects.firstIndex { $0.kind == kind } }
    let needed = [objects.firstIndex { $0.kind == "ServiceAccount" }, firsts.last]
    #expect(
      needed[0].map { account in objects[..<account].allSatisfy { !$0.kind.hasSuffix("Binding") } } == true)
    for (index, object) in objects.enumerated() where object.kind.hasSuffix("Binding") {
      let role = object["roleRef"]
      #expect(
        objects[..<index].contains { $0.kind == role?["kind"]?.string && $0.name == role?["name"]?.string })
    }
    if sample.settings.repo != nil { #expect(objects.last?.kind == "Deployment") }
  }

  @Test("contains no object twice", arguments: Sample.allCases)
  func unique(_ sample: Sample) {
    let names = sample.export.objects.map { "\($0.kind) \($0.namespace ?? "") \($0.name)" }
    #expect(Set(names).count == names.count)
  }

  @Test("contains no Secret: administrators or the daemon create those", arguments: Sample.allCases)
  func secrets(_ sample: Sample) {
    #expect(sample.export.objects("Secret").isEmpty)
  }
}

@Suite("YAML")
struct YAMLStreamTests {
  @Test("text is read back unchanged, whatever it contains")
  func strings() throws {
    let texts = [
      "", " ", "a", "yes", "No", "1", "1e3", "0x1f", "1:30", "2020-01-01", "-", "- a", "a: b", "a #b", "#a",
      "*",
      "&a", "!a", "%a", "@a", "`a`", "'a'", "\"a\"", "\\", "a\nb", "a\nb\n", "a\n\nb\n", "a\n\n", " a\nb\n",
      "\na\n", "a\tb\n", "a: |\n  b\n", "---\n", "...\n", "é\n", "\u{1F600}", "\u{85}", "\u{2028}", "\u{0}",
      "~",
      "null", "=", "<<", ".inf", "100m", "1Gi", "a b\n c\n",
    ]
    let content: JSON = [
      "list": JSON(texts),
      "members": .object(.init(texts.map { ($0, .string($0)) }, uniquingKeysWith: { $1 })),
      "nested": .array(texts.map { ["text": .string($0), "deeper": ["text": .string($0)]] }),
    ]
    #expect(try documents(YAMLStream.text(content)) == [content])
  }

  @Test("numbers, booleans and empty values are read back unchanged")
  func values() throws {
    let content: JSON = [
      "a": 1, "b": -7, "c": .number(0.5), "d": true, "e": false, "f": nil, "g": [], "h": [:],
      "i": [[], [:], nil],
      "j": [["a": []], ["b": [:], "c": [1, 2]], [3, ["d": 4]]],
    ]
    #expect(try documents(YAMLStream.text(content)) == [content])
    #expect(
      try documents(YAMLStream.text([(["one"], content), (["two", "three"], [:])])) == [content, [:]])
  }

  @Test("a list of words is written on one line, multi-line text as a block, and other members one per line")
  func style() {
    let content: JSON = [
      "verbs": ["get", "list"], "file": "a: 1\nb: [2]\n", "none": [:],
      "items": [["name": "a", "args": ["x", "--y"]], ["name": "b"]],
    ]
    #expect(
      YAMLStream.text(content) == """
        verbs: [get, list]
        file: |
          a: 1
          b: [2]
        none: {}
        items:
          - name: a
            args: [x, "--y"]
          - name: b

        """)
  }
}
