import KubeDirector
import Testing

@Suite("Quantities in Kubernetes notation")
struct QuantityTests {
  @Test(
    "are compared by value instead of spelling",
    arguments: [
      ("1024Mi", "1Gi"), ("1000m", "1"), ("1e3", "1k"), ("1E", "1e18"), ("0.5", "500m"), ("1.5Gi", "1536Mi"),
      (".5", "500m"), ("1.", "1"), ("0", "0Gi"), ("-1", "-1000m"), ("+1", "1"), ("1000000n", "1m"),
      ("1M", "1000k"),
    ])
  func equal(left: String, right: String) throws {
    let (a, b) = (try #require(Quantity(left)), try #require(Quantity(right)))
    #expect(a == b && a.hashValue == b.hashValue && a.canonical == b.canonical)
  }

  @Test(
    "have an order",
    arguments: [("1G", "1Gi"), ("999m", "1"), ("-2", "-1"), ("1Ki", "1.1k"), ("1u", "1m"), ("7E", "7Ei")])
  func less(left: String, right: String) throws {
    #expect(try #require(Quantity(left)) < #require(Quantity(right)))
  }

  @Test(
    "are refused if they are invalid",
    arguments: [
      "", "Gi", "10GB", "1 Gi", "1gi", "1K", "--1", "1.2.3", "1e", "1e1.5", "0x10", "∞", "1Mi ", ".",
    ])
  func invalid(text: String) { #expect(Quantity(text) == nil) }

  @Test(
    "are refused beyond 64 bits without a trap",
    arguments: ["9E", "8Ei", "1e19", String(repeating: "9", count: 500)])
  func huge(text: String) {
    if let quantity = Quantity(text) { #expect(quantity.wholeUnits > 0) }
    #expect(Quantity(text + "Ei") == nil)
  }

  @Test("are rounded up to whole units, as in Kubernetes")
  func wholeUnits() {
    #expect(Quantity("1500m")?.wholeUnits == 2)
    #expect(Quantity("1Gi")?.wholeUnits == 1_073_741_824)
    #expect(Quantity("1n")?.wholeUnits == 1)
    #expect(Quantity("0")?.isZero == true && Quantity("-1")?.isNegative == true)
  }

  @Test("are rounded up below a nano")
  func fine() { #expect(Quantity("0.0000000001") == Quantity("1n")) }
}
