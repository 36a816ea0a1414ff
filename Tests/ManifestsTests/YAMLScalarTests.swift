import Testing
import Values

@testable import Manifests

@Suite("Unquoted YAML scalars as in kubectl")
struct YAMLScalarTests {
  private func value(_ scalar: String) -> JSON? { yaml("v: \(scalar)\n").documents.first?["v"] }

  @Test("empty, ~ and null are null", arguments: ["", "~", "null", "Null", "NULL"])
  func null(text: String) {
    #expect(value(text) == .null)
  }

  @Test(
    "words that mean true",
    arguments: ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"])
  func yes(text: String) {
    #expect(value(text) == .bool(true))
  }

  @Test(
    "words that mean false",
    arguments: ["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"])
  func no(text: String) {
    #expect(value(text) == .bool(false))
  }

  @Test(
    "whole numbers in every base",
    arguments: [
      ("0", 0), ("7", 7), ("-7", -7), ("+7", 7), ("1_000", 1000), ("0x1F", 31), ("-0x1f", -31), ("0o17", 15),
      ("017", 15),
      ("0755", 493), ("0b101", 5), ("-0b101", -5), ("9223372036854775807", Int64.max),
      ("-9223372036854775808", Int64.min), ("00", 0), ("-0", 0),
      ("123456789012345678", 123_456_789_012_345_678),
    ])
  func integers(text: String, expected: Int64) {
    #expect(value(text) == .integer(expected))
    #expect(value(text)?.typeName == "integer")
  }

  @Test(
    "numbers with a fraction or an exponent, and those beyond 64 bits",
    arguments: [
      ("1.0", 1.0), ("1.", 1), (".5", 0.5), ("-.5", -0.5), ("+1.5", 1.5), ("1e3", 1000), ("1.5E-3", 0.0015),
      ("08", 8),
      ("09.5", 9.5), ("9223372036854775808", 9_223_372_036_854_775_808), ("0xFFFFFFFFFFFFFFFFF", 0x1p68),
      ("1_0.5", 10.5), ("0e5", 0),
    ])
  func doubles(text: String, expected: Double) {
    #expect(value(text) == .number(expected))
    #expect(value(text)?.typeName == "number")
  }

  @Test(
    "all other scalars are strings",
    arguments: [
      "spark", "2.4.5", "1.0.3-rc.1", "10Gi", "500m", "2001-12-14", "2001-12-14T21:59:43Z", "1:30", "0x",
      "0b2", "0o8", "+",
      "-x", ".", "..", "1e", "1e999", "0xZ", "_1", "tRue", "yES", "nULL", "None", "name", "nope", "e5",
      "1.2.3.4", ".e5",
      "0.1.2", "--1", "1__", "infinite", "on-call",
    ])
  func strings(text: String) {
    let expected: JSON = text == "1__" ? 1 : .string(text)
    #expect(value(text) == expected)
  }

  @Test("quoted scalars are strings", arguments: ["true", "1.0", "~", "", "0x1F", "<<", "no"])
  func quoted(text: String) {
    #expect(value("\"\(text)\"") == .string(text))
    #expect(value("'\(text)'") == .string(text))
  }

  @Test("block scalars are strings")
  func blocks() {
    #expect(yaml("v: |\n  1\n  2\n").documents == [["v": "1\n2\n"]])
    #expect(yaml("v: >-\n  true\n").documents == [["v": "true"]])
  }

  @Test(
    "numbers that JSON lacks are findings", arguments: [".inf", "-.inf", "+.Inf", ".INF", ".nan", ".NaN"])
  func notFinite(text: String) {
    let issues = yaml("v: \(text)\n").issues
    #expect(issues.map(\.rule) == ["file/syntax"])
    #expect(issues.first?.place == .scalars(3..<(3 + text.count)))
  }

  @Test("explicit tags determine the type")
  func tags() {
    #expect(
      yaml("[!!str 1.0, !!str, !!int 0x10, !!float 1, !!bool yes, !!null ~, ! 1, !!timestamp 2001-01-01]")
        .documents
        == [["1.0", "", 16, .number(1), true, nil, "1", "2001-01-01"]])
    for text in ["!!binary aGk=", "!!int x", "!local 1", "!!set {a: }", "!!map [a]", "!!seq {}", "!!bool 1"] {
      #expect(yaml(text).issues.map(\.rule) == ["file/syntax"], "\(text)")
    }
  }
}
