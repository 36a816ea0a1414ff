import TestSupport
import Testing
import Values

@Suite("Merge patches (RFC 7386)")
struct MergePatchTests {
  @Test(
    "the test cases of the RFC's appendix",
    arguments: [
      (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
      (#"{"a":"b"}"#, #"{"a":null}"#, "{}"), (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
      (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#), (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
      (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
      (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#), (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
      (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#), (#"{"a":"foo"}"#, "null", "null"),
      (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
      (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#), ("[1,2]", #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
      ("{}", #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
    ])
  func appendix(original: String, patch: String, result: String) throws {
    #expect(try JSON.parse(original).merging(patch: JSON.parse(patch)) == JSON.parse(result))
  }

  @Test("the patch between two objects contains only differences")
  func minimal() {
    let old: JSON = ["spec": ["app": "spark", "roles": [1, 2], "same": ["x": 1]], "gone": 1, "kept": "k"]
    let new: JSON = [
      "spec": ["app": "spark-2", "roles": [1], "same": ["x": 1]], "kept": "k", "new": ["n": 1],
    ]
    let patch = JSON.mergePatch(from: old, to: new)
    #expect(patch == ["gone": nil, "spec": ["app": "spark-2", "roles": [1]], "new": ["n": 1]])
    #expect(old.merging(patch: patch) == new)
    #expect(JSON.mergePatch(from: new, to: new) == [:])
  }

  @Test("a value replaced by one of another type is replaced as a whole")
  func otherType() {
    for (old, new): (JSON, JSON) in [
      (["a": [1]], ["a": ["b": 1]]), (["a": ["b": 1]], ["a": 2]), (["a": nil], [:]),
    ] {
      #expect(old.merging(patch: JSON.mergePatch(from: old, to: new)) == new)
    }
  }

  @Test("a null that only the target contains cannot be expressed, and is omitted")
  func nullInTarget() {
    #expect(JSON.mergePatch(from: [:], to: ["a": nil]) == [:])
    #expect(JSON.mergePatch(from: ["a": 1], to: ["a": nil]) == ["a": nil])
  }

  @Test("applying the patch gives the target, for many pairs of values without nulls")
  func roundTrips() {
    var numbers = SeededRandom(seed: 7)
    for _ in 0..<2_000 {
      let (old, new) = (tree(&numbers, depth: 3), tree(&numbers, depth: 3))
      #expect(old.merging(patch: JSON.mergePatch(from: old, to: new)) == new)
    }
  }

  private func tree(_ numbers: inout SeededRandom, depth: Int) -> JSON {
    var members: [String: JSON] = [:]
    for _ in 0..<numbers.below(4) {
      let leaf: JSON = numbers.below(2) == 0 ? .integer(Int64(numbers.below(3))) : ["x"]
      members["k\(numbers.below(4))"] =
        depth > 0 && numbers.below(2) == 0 ? tree(&numbers, depth: depth - 1) : leaf
    }
    return .object(
      JSON.Members(
        members.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) },
        uniquingKeysWith: { first, _ in first }))
  }
}
