import KubeDirector
import Manifests
import TestSupport
import Testing
import Values

@testable import Installation

@Suite("The exported stream")
struct StreamTests {
  @Test("is, to the letter, what it was", arguments: Sample.allCases)
  func golden(_ sample: Sample) throws {
    let text = sample.export.text
    #expect(try Golden.stored("\(sample.rawValue).yaml", recording: text) == text)
  }

  @Test("reads back as the objects that were meant", arguments: Sample.allCases)
  func parses(_ sample: Sample) throws {
    let text = try Golden.stored("\(sample.rawValue).yaml", recording: sample.export.text)
    #expect(try documents(text) == sample.export.objects)
    // Nothing that is read when it is reviewed is wider than a screen; the schema's words and patterns may be.
    let wide = text.split(separator: "\n").filter { $0.count > 110 }
    #expect(wide.allSatisfy { $0.contains(" description: ") || $0.contains(" pattern: ") })
  }

  @Test("has the resources that files are checked against", arguments: Sample.allCases)
  func definitions(_ sample: Sample) throws {
    let text = try Golden.stored("\(sample.rawValue).yaml", recording: sample.export.text)
    #expect(try documents(text).filter { $0.kind == "CustomResourceDefinition" } == CustomResources.all)
  }

  @Test("brings everything before what needs it", arguments: Sample.allCases)
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

  @Test("names no object twice", arguments: Sample.allCases)
  func unique(_ sample: Sample) {
    let names = sample.export.objects.map { "\($0.kind) \($0.namespace ?? "") \($0.name)" }
    #expect(Set(names).count == names.count)
  }

  @Test("holds no Secret: those are made by administrators, or by the daemon", arguments: Sample.allCases)
  func secrets(_ sample: Sample) {
    #expect(sample.export.objects("Secret").isEmpty)
  }
}

@Suite("YAML")
struct YAMLStreamTests {
  @Test("text comes back as it was, whatever it holds")
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

  @Test("numbers, truth values and empty things come back as they were")
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

  @Test("a list of words stands on one line, text of several lines as it is, and the rest a line a member")
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
