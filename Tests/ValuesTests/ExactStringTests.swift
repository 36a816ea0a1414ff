import Testing
import Values

@Suite("Strings compared by their bytes")
struct ExactStringTests {
  private static let composed = "caf\u{E9}"
  private static let decomposed = "cafe\u{301}"

  private struct Named: Hashable {
    @ExactString var name: String
  }

  @Test("canonically equivalent texts are two keys, and two values of a type that contains them")
  func keys() {
    #expect(Self.composed == Self.decomposed)
    #expect(ExactString(Self.composed) != ExactString(Self.decomposed))
    let table: [ExactString: Int] = [ExactString(Self.composed): 1, ExactString(Self.decomposed): 2]
    #expect(table[ExactString(Self.composed)] == 1)
    #expect(Named(name: Self.composed) != Named(name: Self.decomposed))
    #expect(
      Set([Named(name: Self.composed), Named(name: Self.decomposed), Named(name: Self.composed)]).count == 2)
    #expect("\u{212A}ind" == "Kind" && !"\u{212A}ind".isExactly("Kind"))
  }

  @Test("strings are sorted by bytes")
  func order() {
    let texts = ["z", Self.composed, "cafz", Self.decomposed, "caf", ""]
    #expect(
      texts.sortedExactly().map { Array($0.utf8) }
        == texts.map { Array($0.utf8) }.sorted { $0.lexicographicallyPrecedes($1) })
  }

  @Test("a combining mark, a prepended sign and a carriage return are not part of a separator")
  func parts() {
    #expect(
      "a/\u{301}b\u{600}/c".parts(separatedBy: "/").map { Array($0.utf8) }
        == ["a", "\u{301}b\u{600}", "c"].map { Array($0.utf8) })
    #expect("a\r\nb\n".parts(separatedBy: "\n").map(String.init) == ["a\r", "b", ""])
    #expect("/a//b".parts(separatedBy: "/", omittingEmpty: true).map(String.init) == ["a", "b"])
    #expect(
      "refs/heads/\u{301}x".cutting(prefix: "refs/heads/").map { Array($0.utf8) } == Array("\u{301}x".utf8))
    #expect("x\u{600}.json".endsExactly(with: ".json") && !"x\u{600}.json".hasSuffix(".json"))
    #expect("x\u{600}.json".cutting(suffix: ".json").map { Array($0.utf8) } == Array("x\u{600}".utf8))
    #expect("a".cutting(prefix: "ab") == nil && "a".cutting(suffix: "ba") == nil)
  }
}
