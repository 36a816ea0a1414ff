import KubeDirector
import Testing

@Suite("A path inside a container")
struct ContainerPathTests {
  @Test(
    "has one spelling",
    arguments: [
      ("/d/a", "/d/a"), ("//d/a", "/d/a"), ("/d/a/", "/d/a"), ("/d/./a", "/d/a"), ("/d/b/../a", "/d/a"),
      ("/../d/a", "/d/a"), ("/d/\u{301}a", "/d/\u{301}a"), ("/", nil), ("/.", nil), ("/d/..", nil), ("", nil),
      ("d/a", nil), ("/d\u{0}", nil), ("/" + String(repeating: "a", count: 4096), nil),
    ] as [(String, String?)])
  func spelling(text: String, expected: String?) {
    #expect(ContainerPath(text).map { Array($0.text.utf8) } == expected.map { Array($0.utf8) })
  }

  @Test("is inside its parent folders, compared by whole names and as bytes")
  func containment() throws {
    func path(_ text: String) throws -> ContainerPath { try #require(ContainerPath(text)) }
    #expect(try path("//d/a/volumes").lies(in: path("/d")))
    #expect(try !path("/d").lies(in: path("/d")))
    #expect(try !path("/dd/a").lies(in: path("/d")))
    #expect(try !path("/cafe\u{301}/x").lies(in: path("/caf\u{e9}")))
    #expect(try path("/cafe\u{301}") != path("/caf\u{e9}"))
  }

  @Test("finds the outermost of many folders that contain it, in little time")
  func nesting() throws {
    let paths = ["/b/c/d", "/a", "/b", "/b-", "/b/c", "/a"].compactMap(ContainerPath.init)
    let found = ContainerPath.nested(paths).sorted { $0.inner < $1.inner }
    #expect(found.map(\.inner) == [0, 4, 5])
    #expect(found.map(\.outer) == [2, 2, 1])
    #expect(ContainerPath.outermost(paths).map(\.text) == ["/a", "/b", "/b-"])
    let many = (0..<50_000).compactMap { ContainerPath("/many/\($0)/x") }
    #expect(ContainerPath.outermost(many).count == many.count)
  }
}
