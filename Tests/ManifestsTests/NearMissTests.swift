import Testing

@testable import Manifests

@Suite("Suggestions for misspelled words")
struct NearMissTests {
  let fields = ["members", "resources", "id", "storage", "serviceType", "env", "secret", "secretKeys"]

  @Test(
    "a typo finds its word",
    arguments: [
      ("member", "members"), ("memebrs", "members"), ("Members", "members"), ("resource", "resources"),
      ("servicetype", "serviceType"),
      ("evn", "env"), ("secretkey", "secretKeys"), ("ID", "id"), ("storge", "storage"),
    ])
  func found(written: String, meant: String) {
    #expect(NearMiss.suggestion(for: written, among: fields) == meant)
  }

  @Test("a different word finds none", arguments: ["replicas", "x", "", "image", "members"])
  func none(written: String) {
    #expect(NearMiss.suggestion(for: written, among: fields.filter { $0 != "id" }) == nil)
  }

  @Test("the suggestion never depends on the order of the candidates")
  func stable() {
    #expect(NearMiss.suggestion(for: "cat", among: ["bat", "rat"]) == "bat")
    #expect(NearMiss.suggestion(for: "cat", among: ["rat", "bat"]) == "bat")
  }

  @Test("inserted, omitted, changed and swapped letters count once each")
  func distances() {
    func distance(_ left: String, _ right: String) -> Int {
      NearMiss.distance(Array(left.utf8), Array(right.utf8))
    }
    #expect(distance("", "abc") == 3)
    #expect(distance("abc", "abc") == 0)
    #expect(distance("abc", "acb") == 1)
    #expect(distance("abc", "abxc") == 1)
    #expect(distance("abc", "axc") == 1)
    #expect(distance("kitten", "sitting") == 3)
  }

  @Test("a word of any length gives a result at once")
  func long() {
    #expect(NearMiss.suggestion(for: String(repeating: "x", count: 1_000_000), among: fields) == nil)
  }
}
