import Diagnostics
import GitStore
import KubeDirector
import Rules
import Testing

@testable import Reconciler

@Suite("Commits that are applied as a whole")
struct AtomicCommitGuardTests {
  private typealias Judged = JudgedChange

  private func commit(_ number: Int) throws -> ObjectID {
    let digits = String(number, radix: 16)
    return try #require(ObjectID(hex: String(repeating: "0", count: 40 - digits.count) + digits))
  }

  private func app(_ number: Int, _ verdict: Verdict = .accepted) throws -> Judged {
    Judged(
      reference: .app("prod", "app-\(number)"), change: .create, verdict: verdict, findings: [],
      commit: try commit(number))
  }

  private func cluster(_ number: Int, _ change: ChangeKind = .create) throws -> Judged {
    Judged(
      reference: .cluster("prod", "c-\(number)"), change: change, verdict: .accepted, findings: [],
      commit: try commit(number))
  }

  /// Each cluster names the app of the next commit.
  private func bound(_ outcome: [Judged]) -> [Judged] {
    var outcome = outcome
    var bound = AtomicCommitGuard(outcome, brokenFiles: []) { cluster in
      let next = Int(cluster.name.dropFirst(2)).map { $0 + 1 } ?? 0
      return [.app("prod", "app-\(next)")]
    }
    bound.apply(to: &outcome)
    return outcome
  }

  @Test(
    "blocks a whole chain of thousands of commits in which each waits for the next",
    .timeLimit(.minutes(5)))
  func chain() throws {
    let count = 3_000
    let apps = try (0..<count).map { try app($0) } + [app(count, .rejected)]
    let outcome = bound(apps + (try (0..<count).map { try cluster($0) }))
    #expect(outcome.count { $0.verdict == .accepted } == 0)
    #expect(outcome.count { $0.verdict == .waiting } == 2 * count)
    #expect(outcome.allSatisfy { $0.findings.count == ($0.verdict == .waiting ? 1 : 0) })
    let first = try #require(outcome.first { $0.reference.name == "c-0" })
    #expect(first.findings.first?.message.contains("its app prod/app-1 is held back") == true)
  }

  @Test("blocks neither a rollback nor a commit outside the chain")
  func beside() throws {
    let outcome = bound([
      try app(1, .rejected), try app(7), try cluster(0, .rollback), try cluster(3), try cluster(6),
    ])
    #expect(outcome.map(\.verdict) == [.rejected, .accepted, .accepted, .accepted, .accepted])
  }
}
