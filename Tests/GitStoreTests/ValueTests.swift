import GitStore
import Testing

@Suite("Ids, delays and errors")
struct ValueTests {
  @Test("an id is parsed from and written as 40 digits, and sorted like them")
  func identifiers() throws {
    let text = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    let id = try #require(ObjectID(hex: text))
    #expect(id.hex == text)
    #expect(id.short == "4b825dc")
    #expect(ObjectID(hex: text.uppercased()) == id)
    let next = try #require(ObjectID(hex: "4b825dc642cb6eb9a060e54bf8d69288fbee4905"))
    let far = try #require(ObjectID(hex: "f" + text.dropFirst()))
    #expect(id < next && next < far && !(far < id))
  }

  @Test(
    "any other text is no id",
    arguments: [
      "", "4b825dc", String(repeating: "g", count: 40), String(repeating: "a", count: 41),
      "é" + String(repeating: "a", count: 39),
    ])
  func noIdentifiers(text: String) {
    #expect(ObjectID(hex: text) == nil)
  }

  @Test("a file's id is git's blob id")
  func blobIdentifier() throws {
    #expect(try ObjectID.ofBlob(Array("hello\n".utf8)).hex == "ce013625030ba8dba906f756967f9e9ca394464a")
    #expect(try ObjectID.ofBlob([]).hex == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")
  }

  @Test("only errors that may pass without an action count as transient")
  func transient() {
    let healing = GitError.Kind.allCases.filter { GitError($0, "x").isTransient }
    #expect(healing == [.unreachable, .timeout, .outOfMemory, .conflict])
  }

  @Test("no error contains the credentials of a URL")
  func redaction() {
    let error = GitError(.other, "cannot reach https://me:hunter2@example.org/x.git")
    #expect(!"\(error)".contains("hunter2"))
    #expect("\(error)".contains("example.org/x.git"))
  }
}
