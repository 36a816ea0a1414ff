import Testing
import Values

@Suite("Writing JSON")
struct JSONWriterTests {
  let sample: JSON = ["b": [1, "x", nil], "a": ["d": true, "c": .number(1.5)], "e": [], "f": [:]]

  @Test("compact output keeps the order of members")
  func compact() {
    #expect(sample.text() == #"{"b":[1,"x",null],"a":{"d":true,"c":1.5},"e":[],"f":{}}"#)
  }

  @Test("sorted output has all levels sorted, so that equal values have equal bytes")
  func sorted() {
    #expect(sample.text(sortedKeys: true) == #"{"a":{"c":1.5,"d":true},"b":[1,"x",null],"e":[],"f":{}}"#)
    let other: JSON = ["f": [:], "e": [], "a": ["c": .number(1.5), "d": true], "b": [.number(1), "x", nil]]
    #expect(other == sample)
    #expect(other.serialized(sortedKeys: true) == sample.serialized(sortedKeys: true))
  }

  @Test("pretty output uses two spaces per level")
  func pretty() {
    #expect(
      sample.text(pretty: true, sortedKeys: true) == """
        {
          "a": {
            "c": 1.5,
            "d": true
          },
          "b": [
            1,
            "x",
            null
          ],
          "e": [],
          "f": {}
        }
        """)
  }

  @Test(
    "strings are escaped only if JSON or a terminal requires it",
    arguments: [
      ("plain / é 😀", #""plain / é 😀""#), ("\"\\", #""\"\\""#),
      ("\n\r\t\u{8}\u{0}\u{1B}", #""\n\r\t\u0008\u0000\u001b""#),
      ("\u{7F}", #""\u007f""#),
    ])
  func strings(value: String, expected: String) throws {
    #expect(JSON.string(value).text() == expected)
    #expect(try JSON.parse(expected) == .string(value))
  }

  @Test(
    "numbers have their shortest exact form; infinity and NaN are null",
    arguments: [
      (JSON.integer(.min), "-9223372036854775808"), (.number(1), "1"), (.number(-0.0), "0"),
      (.number(0.1), "0.1"),
      (.number(1e300), "1e+300"), (.number(2.5e-300), "2.5e-300"), (.number(.infinity), "null"),
      (.number(.nan), "null"),
    ])
  func numbers(value: JSON, expected: String) throws {
    #expect(value.text() == expected)
  }
}
