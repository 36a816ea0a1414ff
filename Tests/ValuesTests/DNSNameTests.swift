import Testing
import Values

@Suite("Names of RFC 1123")
struct DNSNameTests {
  @Test(
    "a label is lower-case letters, digits and dashes between them", arguments: ["a", "0", "a-b", "a--b1"])
  func label(_ text: String) {
    #expect(DNSName.isLabel(text) && DNSName.isSubdomain(text))
  }

  @Test(
    "anything else is none",
    arguments: [
      "", "-", "-a", "a-", "A", "a_b", "é", "a\u{301}", "a b", ".", ".a", "a.", "a..b", "a-.b", "a.-b",
    ])
  func none(_ text: String) {
    #expect(!DNSName.isLabel(text) && !DNSName.isSubdomain(text))
  }

  @Test("labels joined with dots are a subdomain and no label")
  func subdomain() {
    #expect(DNSName.isSubdomain("a.b-c.1") && !DNSName.isLabel("a.b-c.1"))
  }

  @Test("the length is limited")
  func limits() {
    let label = String(repeating: "a", count: 63)
    #expect(DNSName.isLabel(label) && !DNSName.isLabel(label + "a"))
    #expect(DNSName.isSubdomain(label + "a") && !DNSName.isSubdomain(String(repeating: "a", count: 254)))
    #expect(!DNSName.isLabel("abc", limit: 2))
  }
}
