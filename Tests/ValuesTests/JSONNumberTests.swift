import Testing
import Values

@Suite("Numbers from outside")
struct JSONNumberTests {
  @Test(
    "a whole number that could overflow arithmetic is limited",
    arguments: [
      (JSON.integer(.max), 1 << 53), (.integer(.min), -(1 << 53)), (.number(1e300), 1 << 53),
      (.number(-1e300), -(1 << 53)), (.number(3), 3), (.integer(-7), -7),
    ])
  func integer(value: JSON, expected: Int) { #expect(value.integer == expected) }

  @Test(
    "a value that is no whole number gives nil", arguments: [JSON.number(0.5), .number(.nan), "1", true, nil])
  func none(value: JSON) {
    #expect(value.integer == nil)
    #expect(value.count() == nil)
  }

  @Test(
    "a count is between zero and its limit",
    arguments: [
      (JSON.integer(.max), Int(Int32.max)), (.integer(.min), 0), (.number(1e300), Int(Int32.max)),
      (.integer(12), 12),
    ])
  func count(value: JSON, expected: Int) {
    #expect(value.count() == expected)
    #expect(value.count(upTo: 10) == min(expected, 10))
  }
}
