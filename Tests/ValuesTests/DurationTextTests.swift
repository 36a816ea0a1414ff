import Testing
import Values

@Suite("Durations in settings")
struct DurationTextTests {
  @Test(
    "durations are a whole number and a unit",
    arguments: [
      ("500ms", Duration.milliseconds(500)), ("1s", .seconds(1)), ("5m", .seconds(300)),
      ("2h", .seconds(7200)),
      ("", nil), ("5", nil), ("-1s", nil), ("1.5s", nil), ("1 s", nil), ("99999999999999999999s", nil),
    ] as [(String, Duration?)])
  func durations(text: String, expected: Duration?) {
    #expect(Duration(written: text) == expected)
  }
}
