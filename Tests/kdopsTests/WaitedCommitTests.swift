import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Reports
import TestSupport
import Testing

@testable import kdops

@Suite("A commit and a cluster that a user waits for, as the clone knows them")
struct WaitedCommitTests {
  private let repository: TemporaryRepository
  private let commit: String
  private let analytics = ObjectReference.cluster("prod", "analytics")

  init() throws {
    repository = try TemporaryRepository()
    commit = try repository.commit(SmallFleet.start)
  }

  /// - Parameter seconds: when the note is written.
  private func note(
    _ phase: Phase, _ message: String, ref: String = "kdops", at seconds: Int = 1_704_067_200
  ) throws {
    let object = ObjectReport(
      kind: Wire.clusterKind, namespace: "prod", name: "analytics", change: .upgrade, verdict: .accepted,
      phase: phase, message: message)
    let text = NoteText.render(CommitReport(commit: commit, objects: [object]))
    let date = "\(seconds) +0000"
    try repository.git(
      "notes", "--ref=\(ref)", "add", "-f", "-m", text, commit, environment: ["GIT_COMMITTER_DATE": date])
  }

  @Test("a commit whose change a later one superseded fails at once, with the reason and what to do")
  func undone() async throws {
    try note(.failed, "superseded by 1d0e77c")
    let waited = try await WaitedCommit("HEAD", path: repository.path, [:])
    let words = try #require(await waited.undone(for: analytics))
    #expect(words.contains("commit \(commit.prefix(7)) is undone: superseded by 1d0e77c"))
    #expect(words.contains("--for done=COMMIT"))
    #expect(await waited.undone(for: .cluster("prod", "other")) == nil)
  }

  @Test("a note that is written or fetched during the wait counts, and of several notes the newest one")
  func later() async throws {
    let waited = try await WaitedCommit("HEAD", path: repository.path, [:])
    #expect(await waited.undone(for: analytics) == nil)
    try note(.done, "4 of 4 pods are upgraded")
    #expect(await waited.undone(for: analytics) == nil)
    try note(.failed, "rolled back by 1d0e77c", ref: "origin/kdops", at: 1_704_067_260)
    #expect(await waited.undone(for: analytics)?.contains("rolled back by 1d0e77c") == true)
    try note(.done, "4 of 4 pods are upgraded", at: 1_704_067_320)
    #expect(await waited.undone(for: analytics) == nil)
  }

  @Test("a commit that failed for another reason may still be done")
  func failed() async throws {
    try note(.failed, "the pod analytics-worker-2 does not start")
    let waited = try await WaitedCommit("HEAD", path: repository.path, [:])
    #expect(await waited.undone(for: analytics) == nil)
  }

  @Test("a command that waits for an undone commit reads no cluster first")
  func subject() async throws {
    try note(.failed, "rolled back by 1d0e77c")
    let waited = try await WaitedCommit("HEAD", path: repository.path, [:])
    let source = ClusterSource.git(try await GitRepository.openFromEnvironment(path: repository.path, [:]))
    let subject = WaitSubject(
      source: source, cluster: ObjectName(namespace: "prod", name: "analytics"),
      goal: .done(commit: waited.id), commit: waited)
    let result = try await subject.evaluate()
    guard case .failed(let words) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(words.contains("rolled back by 1d0e77c"))
  }

  @Test("an id that the clone does not have is waited for, but is known to be unknown")
  func unknown() async throws {
    #expect(try await WaitedCommit("HEAD", path: repository.path, [:]).isKnown)
    let id = String(repeating: "ab", count: 20)
    #expect(try await !WaitedCommit(id, path: repository.path, [:]).isKnown)
  }

  @Test("whether a commit has a cluster is known only for commits of the clone whose files can be read")
  func files() async throws {
    let files = try #require(await ClusterFiles.open(repository.path, [:]))
    #expect(await files.has(analytics, at: commit) == true)
    #expect(await files.has(.cluster("prod", "analytic"), at: commit) == false)
    #expect(await files.has(analytics, at: String(repeating: "ab", count: 20)) == nil)
    let broken = try repository.commit(["clusters/prod/other.yaml": "kind: ["])
    #expect(await files.has(.cluster("prod", "other"), at: broken) == nil)
    #expect(await files.head() == broken)
  }

  @Test("a forbidden list of all namespaces names the permission and the option for one namespace")
  func forbidden() {
    let words = "\(APIError(.forbidden, "no").namingNamespaceOption(for: "Event"))"
    #expect(words.contains("every Event of all namespaces"))
    #expect(words.contains("-n NAMESPACE"))
    #expect(APIError(.timeout, "no").namingNamespaceOption(for: "Event") == APIError(.timeout, "no"))
  }
}

@Suite("Whether a head can contain a commit that the clone does not have")
struct OutsideCommitTests {
  @Test("is known only for heads of the clone")
  func outside() async throws {
    let repository = try TemporaryRepository()
    let head = try repository.commit(SmallFleet.start)
    let id = String(repeating: "ab", count: 20)
    let waited = try await WaitedCommit(id, path: repository.path, [:])
    #expect(await waited.isOutside(head) == true)
    #expect(await waited.isOutside(String(repeating: "cd", count: 20)) == nil)
    #expect(await waited.isOutside(id) == nil)
    let short = try await WaitedCommit(String(id.prefix(8)), path: repository.path, [:])
    #expect(await short.isOutside(head) == true)
  }
}
