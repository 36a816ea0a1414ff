import Diagnostics
import Testing
import Values

@testable import Manifests

@Suite("Validating objects against a schema")
struct SchemaTests {
  static let json: JSON = [
    "type": "object", "required": ["spec"],
    "properties": [
      "metadata": ["type": "object"],
      "spec": [
        "type": "object", "required": ["app", "roles"],
        "properties": [
          "app": ["type": "string", "minLength": 1, "maxLength": 5],
          "version": ["type": "string"],
          "catalog": ["type": "string", "enum": ["local", "system"]],
          "mode": ["type": "integer", "format": "int32", "minimum": 0, "maximum": 511],
          "ratio": ["type": "number", "minimum": 0, "exclusiveMinimum": true],
          "hidden": ["type": "boolean"],
          "note": ["type": "string", "nullable": true],
          "size": ["type": "string", "format": "quantity"],
          "path": ["type": "string", "pattern": "^/"],
          "name": ["type": "string", "pattern": "^[a-z]+$"],
          "port": ["x-kubernetes-int-or-string": true, "anyOf": [["type": "integer"], ["type": "string"]]],
          "labels": ["type": "object", "maxProperties": 2, "additionalProperties": ["type": "string"]],
          "free": ["type": "object", "x-kubernetes-preserve-unknown-fields": true],
          "known": [
            "type": "object", "x-kubernetes-preserve-unknown-fields": true,
            "properties": ["a": ["type": "string"]],
          ],
          "tags": ["type": "array", "minItems": 1, "maxItems": 2, "items": ["type": "string"]],
          "roles": [
            "type": "array",
            "items": [
              "type": "object", "required": ["id"],
              "properties": ["id": ["type": "string"], "members": ["type": "integer", "minimum": 0]],
            ],
          ],
        ],
      ],
    ],
  ]

  static let formats = FormatTable(
    ["quantity": { $0.hasSuffix("Gi") ? nil : "a quantity such as 2Gi" }],
    patternWords: ["^/": "an absolute path"])

  private func check(_ spec: JSON) throws -> [SchemaFinding] {
    var spec = spec
    if spec["app"] == nil { spec["app"] = "x" }
    if spec["roles"] == nil { spec["roles"] = [] }
    return try Schema(Self.json, formats: Self.formats).validate(["spec": spec])
  }

  @Test("a valid object has no findings")
  func fits() throws {
    let spec: JSON = [
      "app": "ällü😀", "version": "1.0", "catalog": "local", "mode": 511, "ratio": .number(0.5),
      "hidden": true, "note": nil,
      "size": "2Gi", "path": "/x", "port": 80, "labels": ["a": "b"], "free": ["x": [1]], "tags": ["t"],
      "roles": [["id": "a", "members": .number(3)]],
    ]
    #expect(try check(spec).isEmpty)
    let whole: JSON = [
      "apiVersion": "v", "kind": "k", "metadata": ["name": "n", "labels": ["a": "b"]],
      "spec": ["app": "x", "roles": []],
    ]
    #expect(try Schema(Self.json).validate(whole).isEmpty)
  }

  @Test(
    "each keyword has a message",
    arguments: [
      (["app": ""], "spec.app must not be empty"),
      (["app": "123456"], #"spec.app must have at most 5 characters, not 6: "123456""#),
      (["version": 1], "spec.version must be a string, not an integer"),
      (["catalog": "remote"], #"spec.catalog must be local or system, not "remote""#),
      (["mode": 512], "spec.mode must be at most 511, not 512"),
      (["mode": -1], "spec.mode must be at least 0, not -1"),
      (["mode": .number(1.5)], "spec.mode must be an integer, not a number"),
      (["ratio": 0], "spec.ratio must be greater than 0, not 0"),
      (["hidden": "true"], "spec.hidden must be a boolean, not a string"),
      (["version": nil], "spec.version must be a string, not empty"),
      (["size": "2"], #"spec.size must be a quantity such as 2Gi, not "2""#),
      (["path": "x"], #"spec.path must be an absolute path, not "x""#),
      (["name": "X"], #"spec.name must be text that matches ^[a-z]+$, not "X""#),
      (["port": .number(1.5)], "spec.port must be an integer or a string, not a number"),
      (["port": []], "spec.port must be an integer or a string, not an array"),
      (["labels": ["a": 1]], "spec.labels.a must be a string, not an integer"),
      (["labels": ["a": "", "b": "", "c": ""]], "spec.labels must have at most 2 members, not 3"),
      (["tags": []], "spec.tags must not be empty"),
      (["tags": ["a", "b", "c"]], "spec.tags must have at most 2 items, not 3"),
      (["tags": "a"], "spec.tags must be an array, not a string"),
      (["roles": [["members": 1]]], "spec.roles[0].id is required, but missing"),
      (
        ["roles": [["id": "a"], ["id": "b", "members": -1]]],
        "spec.roles[1].members must be at least 0, not -1"
      ),
      (["labels": ["a.b/c": 1]], "spec.labels['a.b/c'] must be a string, not an integer"),
    ] as [(JSON, String)])
  func keywords(spec: JSON, message: String) throws {
    let findings = try check(spec)
    #expect(findings.map(\.message) == [message])
    #expect(findings.first?.kind == .error)
  }

  @Test("a number beyond 32 bits does not fit int32")
  func int32() throws {
    let schema = try Schema(["type": "integer", "format": "int32"])
    #expect(
      schema.validate(2_147_483_648).map(\.message) == [
        "the object must fit 32 bits, which 2147483648 does not"
      ])
    #expect(schema.validate(-2_147_483_648).isEmpty)
  }

  @Test("a missing required field is named by its path")
  func required() throws {
    let schema = try Schema(Self.json)
    #expect(schema.validate(["spec": [:]]).map(\.path) == [["spec", "app"], ["spec", "roles"]])
    #expect(schema.validate([:]).map(\.path) == [["spec"]])
    #expect(schema.validate([]).map(\.message) == ["the object must be an object, not an array"])
  }

  @Test("all findings are reported in one pass, in the order of the file")
  func order() throws {
    let findings = try check(["mode": "x", "roles": [["id": 1, "memebrs": 2]], "app": "", "wrong": 1])
    #expect(
      findings.map(\.path.description) == [
        "spec.mode", "spec.roles[0].id", "spec.roles[0].memebrs", "spec.app", "spec.wrong",
      ])
  }

  @Test("unknown fields are not errors, and have a suggestion")
  func unknownFields() throws {
    let findings = try check(["roles": [["id": "a", "memebrs": 1]], "verson": "1", "replicas": 3])
    #expect(findings.map(\.kind) == [.unknownField, .unknownField, .unknownField])
    #expect(findings.map(\.hint) == ["did you mean `members`?", "did you mean `version`?", nil])
    #expect(findings.first?.message == "spec.roles[0].memebrs is a field that is not known here")
    #expect(try check(["known": ["a": "x", "b": 1]]).map(\.path) == [["spec", "known", "b"]])
    #expect(try check(["roles": [["id": "a", "ID": "b"]]]).map(\.hint) == [nil])
  }

  @Test("hints say how to fix the type")
  func hints() throws {
    #expect(try check(["catalog": "locla"]).map(\.hint) == ["did you mean `local`?"])
    #expect(try check(["version": .number(1)]).map(\.hint) == ["write it in quotes"])
    #expect(try check(["version": .number(1)]).map(\.wantsQuotes) == [true])
    #expect(try check(["mode": "5"]).map(\.hint) == ["write it without quotes"])
    #expect(try check(["hidden": "true"]).map(\.hint) == ["write it without quotes"])
    #expect(try check(["tags": "a"]).map(\.hint) == ["write it as a list with one item"])
    #expect(try check(["version": nil]).map(\.hint) == ["give it a value, or remove it"])
    #expect(try check(["version": []]).map(\.hint) == [nil])
  }

  @Test("values in messages are short and without credentials")
  func quoting() throws {
    let long = try check(["path": .string(String(repeating: "x", count: 10_000))])
    #expect(long.allSatisfy { $0.message.count < 150 })
    let secret = try check(["path": "https://u:p@h/x"])
    #expect(secret.map(\.message) == [#"spec.path must be an absolute path, not "https://h/x""#])
  }

  @Test("a hostile object has a limited number of findings")
  func manyFindings() throws {
    let roles = JSON.array(Array(repeating: ["id": 1, "x": 2, "members": -1], count: 10_000))
    #expect(try check(["roles": roles]).count < Schema.findingLimit + 5)
  }

  @Test(
    "a schema with unsupported keywords is refused",
    arguments: [
      (["type": "strin"], "type"), (["oneOf": []], "oneOf"), (["anyOf": []], "anyOf"),
      (["properties": []], "properties"),
      (["pattern": "("], "pattern"), (["properties": ["a": ["not": [:]]]], "properties.a.not"),
      (["required": [1]], "required"),
      (["minLength": 3, "maxLength": 2], "maxLength"), (["minLength": -1], "maxLength"),
      (["nullable": "yes"], "nullable"),
      (["items": [1]], "items"), (["additionalProperties": 1], "additionalProperties"),
      (["mininum": 1], "mininum"),
      (["minimum": "1"], "minimum"), (1, ""),
    ] as [(JSON, String)])
  func refused(schema: JSON, path: String) {
    let error = #expect(throws: SchemaError.self) { try Schema(schema) }
    #expect(error?.path.description == path)
  }

  @Test("a finding becomes a diagnostic with its position and a fix")
  func diagnostics() throws {
    let text = cluster(
      "a", "spec:\n  app: x\n  version: 1.0\n  roles:\n  - id: r\n    memebrs: 1\n  -\n    members: 1")
    let file = parse(text)
    let document = try #require(file.documents.first)
    let positions = ManifestPositions(path: file.path, bytes: Array(text.utf8))
    let found = try Schema(Self.json).validate(document.json).map {
      positions.diagnostic(
        for: $0, in: document, rule: "cluster/schema", severity: .error, defaultNamespace: "default")
    }
    #expect(
      found.map { $0.location.map { "\($0.line):\($0.column)+\($0.length)" } } == [
        "7:12+3", "10:5+7", "12:5+7",
      ])
    #expect(found.first?.hint == #"write it in quotes: "1.0""#)
    #expect(found.first?.object?.description == "default/a")
  }
}
