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

  @Test("delays double up to the limit, and are random over their upper half")
  func backoff() {
    let backoff = Backoff(first: .seconds(1), limit: .seconds(60))
    #expect(
      (0...3).map { backoff.delay(attempt: $0, random: 1) } == [
        .seconds(1), .seconds(2), .seconds(4), .seconds(8),
      ])
    #expect(backoff.delay(attempt: 0, random: 0) == .milliseconds(500))
    #expect(backoff.delay(attempt: 20, random: 1) == .seconds(60))
    #expect(backoff.delay(attempt: .max, random: 0) == .seconds(30))
    #expect(backoff.delay(attempt: -1, random: 7) == .seconds(1))
    let some = backoff.delay(attempt: 3)
    #expect(some >= .seconds(4) && some <= .seconds(8))
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
