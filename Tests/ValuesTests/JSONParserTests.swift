import TestSupport
import Testing
import Values

@Suite("Reading JSON")
struct JSONParserTests {
  @Test("more values than allowed are an error, however few bytes they take")
  func nodeLimit() throws {
    let bytes = Array("[1, [2], {\"a\": 3}]".utf8)
    #expect(try JSON.parse(bytes, nodeLimit: 6) == [1, [2], ["a": 3]])
    let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(bytes, nodeLimit: 5) }
    #expect(error?.kind == .limit)
  }

  @Test("every kind of value is read, and members keep their order")
  func values() throws {
    let json = try JSON.parse(#" {"b": [1, -2, 2.5, true, false, null], "a": {"x": "y"}, "e": {}, "f": []} "#)
    #expect(json == ["a": ["x": "y"], "b": [1, -2, .number(2.5), true, false, nil], "e": [:], "f": []])
    #expect(json.object.map { Array($0.keys) } == ["b", "a", "e", "f"])
  }

  @Test(
    "whole numbers that fit in 64 bits are integers, others are doubles",
    arguments: [
      ("0", JSON.integer(0)), ("-0", .integer(0)), ("9223372036854775807", .integer(.max)),
      ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number(9_223_372_036_854_775_808)),
      ("-9223372036854775809", .number(-9_223_372_036_854_775_808)),
      ("18446744073709551616", .number(0x1p64)),
      ("1.0", .number(1)), ("1e3", .number(1000)), ("1E+3", .number(1000)), ("25e-1", .number(2.5)),
    ])
  func numbers(text: String, expected: JSON) throws {
    let value = try JSON.parse(text)
    #expect(value == expected)
    #expect(value.typeName == expected.typeName)
  }

  @Test(
    "strings are unescaped",
    arguments: [
      (#""plain""#, "plain"), (#""""#, ""), (#""a\"b\\c\/d\b\f\n\r\t""#, "a\"b\\c/d\u{8}\u{C}\n\r\t"),
      (#""\u00e9\ud83d\ude00 \u0000""#, "é😀 \0"), ("\"größer 日本\"", "größer 日本"),
      (#""before \u0041 after""#, "before A after"),
    ])
  func strings(text: String, expected: String) throws {
    #expect(try JSON.parse(text) == .string(expected))
  }

  @Test(
    "anything that RFC 8259 does not allow is refused with its position",
    arguments: [
      ("", 0), ("  ", 2), ("{", 1), ("[1,]", 3), ("[1 2]", 3), (#"{"a":1,}"#, 7), (#"{"a" 1}"#, 5),
      ("{a:1}", 1),
      ("{'a':1}", 1), ("tru", 0), ("nul", 0), ("True", 0), ("NaN", 0), ("1 2", 2), ("[1]]", 3), ("01", 0),
      ("-", 1), ("1.", 2), (".5", 0), ("1e", 2), ("1e+", 3), ("+1", 0), ("0x10", 1), (#""abc"#, 4),
      (#""a\"#, 3),
      (#""a\x""#, 2), (#""\u12g4""#, 1), ("\"tab\there\"", 4), ("\"line\nbreak\"", 5), ("[1] // note", 4),
      ("\u{B}1", 0), ("[}", 1), ("]", 0),
    ])
  func syntax(text: String, offset: Int) {
    let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(text) }
    #expect(error?.kind == .syntax)
    #expect(error?.offset == offset)
  }

  @Test("a duplicate member is reported at the second one, however it is escaped")
  func duplicates() {
    let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(#"{"ab": 1, "\u0061b": 2}"#) }
    #expect(
      error
        == JSONSyntaxError(
          kind: .duplicateKey, offset: 10, message: #"the member "ab" is given twice in one object"#))
    #expect(throws: JSONSyntaxError.self) { try JSON.parse(#"{"a": null, "a": 1}"#) }
    let many = (0..<20).map { "\"k\($0)\":0" }.joined(separator: ",")
    #expect(throws: JSONSyntaxError.self) { try JSON.parse("{\(many),\"k3\":1}") }
  }

  @Test("names and strings are equal if their bytes are, not if they are canonically equivalent")
  func equivalence() throws {
    let text = #"{"caf\u00e9":"caf\u00e9","cafe\u0301":"cafe\u0301"}"#
    let json = try JSON.parse(text)
    #expect(json.object?.count == 2)
    #expect(json["caf\u{E9}"] != json["cafe\u{301}"])
    #expect(json["cafe\u{301}"]?.string.map { Array($0.utf8) } == Array("cafe\u{301}".utf8))
    #expect(JSON.string("caf\u{E9}") != JSON.string("cafe\u{301}"))
    #expect(JSON.mergePatch(from: ["a": "caf\u{E9}"], to: ["a": "cafe\u{301}"]) == ["a": "cafe\u{301}"])
    #expect(try JSON.parse(json.serialized(sortedKeys: true)) == json)
  }

  @Test("nesting stops at the limit, which a hostile file cannot exceed")
  func depth() throws {
    func nested(_ levels: Int) -> String {
      String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    _ = try JSON.parse(nested(64))
    let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(nested(65)) }
    #expect(error?.kind == .limit)
    #expect(error?.offset == 64)
    #expect(throws: JSONSyntaxError.self) { try JSON.parse(String(repeating: "{\"a\":", count: 1_000_000)) }
    _ = try JSON.parse(nested(100), depthLimit: 100)
  }

  @Test("siblings do not count as depth")
  func siblings() throws {
    _ = try JSON.parse("[" + Array(repeating: "[{}]", count: 200).joined(separator: ",") + "]")
  }

  @Test("a number beyond the range of a double is refused")
  func range() {
    let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse("[1e999]") }
    #expect(error?.kind == .limit)
    #expect(error?.offset == 1)
  }

  @Test(
    "bytes that are not UTF-8 are refused with their position",
    arguments: [
      ([0x22, 0x61, 0xFF, 0x22] as [UInt8], 2), ([0x22, 0xC3, 0x22], 1), ([0x22, 0xC0, 0x80, 0x22], 1),
      ([0x22, 0xED, 0xA0, 0x80, 0x22], 1), ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], 1),
      ([0x22, 0x61, 0x5C, 0x6E, 0xE2, 0x82, 0x22], 4), ([0xEF, 0xBB, 0xBF, 0x31], 0),
      ([0xFF, 0xFE, 0x31, 0x00], 0),
      ([0xFE, 0xFF, 0x00, 0x31], 0), ([0x31, 0x00], 0), ([0x00, 0x31], 0),
    ])
  func encoding(bytes: [UInt8], offset: Int) {
    let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(bytes) }
    #expect(error?.kind == .encoding)
    #expect(error?.offset == offset)
  }

  @Test(
    "half of a surrogate pair is refused",
    arguments: [#""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800x""#, #""\ud83d\n""#])
  func surrogates(text: String) {
    let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse(text) }
    #expect(error?.kind == .encoding)
    #expect(error?.offset == 1)
  }

  @Test("errors contain no control characters")
  func printable() {
    let error = #expect(throws: JSONSyntaxError.self) { try JSON.parse("[1\u{1B}]") }
    #expect(error?.message.unicodeScalars.allSatisfy { $0.value >= 0x20 } == true)
  }

  @Test("any bytes give a result, and parsed values are equal after writing and reading")
  func anyBytes() {
    var numbers = SeededRandom(seed: 0x5EED)
    let pieces =
      Array(#"{}[],:"\ "abc":1 -2.5e3 true null \u00e9 \ud83d "#.utf8) + [0x00, 0x09, 0x0A, 0x80, 0xC3, 0xFF]
    for _ in 0..<20_000 {
      let bytes = (0..<numbers.below(24)).map { _ in pieces[numbers.below(pieces.count)] }
      guard let value = try? JSON.parse(bytes) else { continue }
      #expect((try? JSON.parse(value.serialized())) == value, "\(bytes)")
    }
  }

  @Test("a truncated document is an error, and never crashes")
  func truncated() {
    let whole = Array(#"{"a":[1,2.5e3,"\u00e9x\n",{"b":null}],"c":true}"#.utf8)
    for end in 0..<whole.count {
      #expect(throws: JSONSyntaxError.self, "cut at \(end)") { try JSON.parse(whole[..<end]) }
    }
  }
}

extension SeededRandom {
  mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }
}
