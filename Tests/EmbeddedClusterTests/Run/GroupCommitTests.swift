import ClusterAPI
import Testing

@testable import EmbeddedCluster

@Suite("A commit for several callers")
struct GroupCommitTests {
  private static let lost = APIError(.unavailable, "the disk is full")

  @Test("resumes the callers that joined it while it was prepared, and no later ones")
  func callers() {
    var commit = GroupCommit<String>()
    #expect(!commit.isBeingPrepared)
    commit.begin()
    #expect(commit.isBeingPrepared)
    commit.join("a")
    commit.join("b")
    let (waiters, failure) = commit.end()
    #expect(waiters == ["a", "b"] && failure == nil)
    #expect(!commit.isBeingPrepared)
    commit.begin()
    #expect(commit.end().waiters == [])
  }

  @Test("fails for all its callers if writes were lost while it was prepared, and not for those of the next")
  func failure() {
    var commit = GroupCommit<String>()
    commit.fail(Self.lost)
    commit.begin()
    commit.join("a")
    commit.fail(Self.lost)
    commit.join("b")
    let (waiters, failure) = commit.end()
    #expect(waiters == ["a", "b"] && failure == Self.lost)
    commit.begin()
    #expect(commit.end().failure == nil)
  }

  @Test("causes one copy of the journal at a time, after some thousand rows")
  func checkpoints() {
    var schedule = CheckpointSchedule()
    func wrote(_ rows: Int) -> Bool { schedule.wrote(rows) }
    #expect(!wrote(2_000))
    #expect(wrote(1))
    #expect(!wrote(5_000), "one is in progress")
    schedule.ended()
    #expect(wrote(1), "rows that were written meanwhile count")
    schedule.ended()
    #expect(!wrote(1))
  }
}
