import Diagnostics
import GitStore
import KubeDirector
import TestSupport
import Testing

@testable import DesiredState
@testable import Reconciler

@Suite("History beyond its limits", .timeLimit(.minutes(10)))
struct HistoryLimitTests {
  @Test("is not searched further: a change is reported under the head, and a warning says so")
  func attribution() async throws {
    let log = RecordedLog()
    try await ReconcilerFixture.open(Files.shops("shop"), log: log) { fixture in
      await fixture.reconciled(try fixture.user.head())
      try fixture.user.commit(["apps/1.1.0.json": Files.app("1.1.0")])
      let tree = try fixture.user.head("HEAD:clusters")
      // Each comparison with these folders reads about 30 MB.
      let heavy = try ["a", "b"].map { try fixture.user.heavy(15 << 20, letter: $0) }
      for number in 0..<10 { try fixture.user.commit(folder: "clusters", heavy[number % 2]) }
      let head = try fixture.user.commit(folder: "clusters", tree)
      try fixture.user.push()
      await fixture.reconciler.sync()
      let report = await fixture.report(head, "web-1.1.0")
      #expect(report?.verdict == .accepted)
      let warnings = log.events("history.limited")
      #expect(warnings.count == 1)
      #expect(warnings.first?["commit"] == String(head.prefix(7)))
      #expect(warnings.first?["effect"]?.hasPrefix("2 changed objects or files are reported under") == true)
      #expect(warnings.first?["hint"]?.isEmpty == false)
    }
  }

  @Test("searches at one head share their limits, and each is made once")
  func searches() throws {
    let (one, two) = (try #require(ObjectID(hex: digits("1"))), try #require(ObjectID(hex: digits("2"))))
    let question = FileSearches.Question(path: "a", commit: one, limit: 1)
    let found = [FileVersion(commit: one, blob: two)]
    var searches = FileSearches()
    let budget = searches.begin(at: one)
    #expect(searches.answer(to: question, at: one) == nil)
    let again = searches.begin(at: one)
    #expect(again === budget)
    let isNewlySpent = searches.keep(found, for: question, at: one)
    #expect(!isNewlySpent)
    #expect(searches.answer(to: question, at: one) == found)
    #expect(searches.answer(to: question, at: two) == nil)
    let other = searches.begin(at: two)
    #expect(other !== budget)
    #expect(searches.answer(to: question, at: two) == nil)
    // The head may have moved during a search.
    _ = searches.keep(found, for: question, at: one)
    #expect(searches.answer(to: question, at: two) == nil)
  }

  private func digits(_ digit: Character) -> String { String(repeating: digit, count: 40) }

  @Test("the search for a rollback ahead reads each version of a file once, within a limit")
  func rollbackSearch() async throws {
    let work = try TemporaryRepository()
    try work.commit(Files.shops("shop"))
    let second = try work.commit(["clusters/shop.yaml": Files.cluster("shop", "1.1.0")])
    let third = try work.commit(["other": "1"])
    let broken = try work.commit(folder: "clusters", try work.twofold())
    let last = try work.commit(folder: "clusters", try work.head("HEAD~3^{tree}:clusters"))
    let repository = try await GitRepository.open(path: work.path)
    func id(_ hex: String) throws -> ObjectID { try #require(ObjectID(hex: hex)) }
    var desired = DesiredState()
    _ = try await desired.advance(to: try id(try work.head("HEAD~4")), in: repository)
    let shop = ObjectReference.cluster("default", "shop")
    let size = Files.cluster("shop", "1.1.0").utf8.count
    var search = RollbackSearch(bytes: size)
    var answers: [Bool] = []
    for commit in [second, third, broken, last] {
      answers.append(
        try await search.asks(for: "web-1.1.0", of: shop, at: try id(commit), desired, in: repository))
    }
    #expect(answers == [true, true, false, false])
    var error: GitError?
    do {
      var small = RollbackSearch(bytes: size - 1)
      _ = try await small.asks(for: "web-1.1.0", of: shop, at: try id(second), desired, in: repository)
    } catch let found as GitError {
      error = found
    }
    #expect(error?.kind == .tooLarge)
  }

  @Test("the files for locations are read when they are needed, and only a damaged repository is an error")
  func locations() async throws {
    let work = try TemporaryRepository()
    try work.commit(["clusters/a.yaml": "a", "clusters/big.yaml": String(repeating: "#", count: 2 << 20)])
    let repository = try await GitRepository.open(path: work.path)
    func id(_ revision: String) async throws -> ObjectID {
      try #require(ObjectID(hex: try work.head(revision)))
    }
    let files = LocationFiles(
      [
        "a": try await id("HEAD:clusters/a.yaml"), "big": try await id("HEAD:clusters/big.yaml"),
        "gone": try #require(ObjectID(hex: digits("1"))),
      ], repository.reader)
    #expect(files.bytes("a") == Array("a".utf8))
    #expect(files.bytes("none") == nil && files.bytes("big") == nil)
    try files.check()
    #expect(files.bytes("gone") == nil)
    let error = #expect(throws: GitError.self) { try files.check() }
    #expect(error?.kind == .gone)
  }
}
