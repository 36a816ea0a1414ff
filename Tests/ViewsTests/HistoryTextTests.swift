import ClusterAPI
import KubeDirector
import TestSupport
import Testing
import Values

@testable import Views

@Suite("The upgrade history as text")
struct HistoryTextTests {
  private let cluster = Object(.clusters, namespace: "prod", name: "analytics")
  private static let start = 1_800_000_000

  /// An upgrade whose second worker could not pull, rolled back by a revert.
  private let journal = Journal(runs: [
    Journal.Run(
      id: "4f2c9ab0c1d2-2", isRollback: false, from: "spark-1.0.0", to: "spark-1.1.0",
      commit: "4f2c9ab0c1d2e3f405162738495a6b7c8d9e0f10", began: start, ended: start + 301,
      isTurnedBack: true,
      pods: [
        .init(
          role: "controller", pod: "analytics-controller-0", at: 0, replace: 3, pull: 41, start: 2, hook: 5,
          isDone: true),
        .init(
          role: "worker", pod: "analytics-worker-2", at: 0, replace: 31, pull: 2, start: 2, hook: 15,
          waited: 60, isDone: true, stallReason: "startscript --pod_upgraded ended with exit code 3",
          retries: 1),
        .init(
          role: "worker", pod: "analytics-worker-1", at: 126, stallReason: "ErrImagePull: spark:1.l not found"
        ),
      ],
      waits: [.init(what: "worker waits for analytics-worker-0", at: 110, took: 16)]),
    Journal.Run(
      id: "4f2c9ab0c1d2-2", isRollback: true, from: "spark-1.1.0", to: "spark-1.0.0",
      commit: "77aa9ab0c1d2e3f405162738495a6b7c8d9e0f10", began: start + 301,
      pods: [
        .init(role: "worker", pod: "analytics-worker-1", at: 0, replace: 2, pull: 1, start: 1, isDone: true),
        .init(role: "worker", pod: "analytics-worker-2", at: 4),
      ], waits: [.init(what: "suspended", at: 60)]),
  ])

  @Test(
    "each upgrade and rollback has its commit, its roles, one line per pod with phases, waits, and totals"
  )
  func text() throws {
    let text = HistoryText(width: 160, now: Self.start + 3_961).lines(cluster, journal)
      .joined(separator: "\n")
    #expect(try text + "\n" == Golden.stored("history.txt", recording: text + "\n"))
  }

  @Test("the same as JSON, with a schema version")
  func json() throws {
    let text = HistoryJSON.json(cluster, journal).text(pretty: true)
    #expect(try text + "\n" == Golden.stored("history.json", recording: text + "\n"))
  }

  @Test("a cluster that was never upgraded has one line that says so")
  func nothing() {
    #expect(
      HistoryText(now: 0).lines(cluster, Journal())
        == ["prod/analytics   no upgrade and no rollback is recorded"])
  }

  @Test("omitted entries are counted, and a run that touched nothing says so")
  func omitted() {
    var long = journal.runs[0]
    long.omitted = 40
    var idle = journal.runs[1]
    (idle.pods, idle.waits) = ([], [])
    let lines = HistoryText(now: Self.start + 400).lines(cluster, Journal(runs: [long, idle]))
    #expect(lines.contains("  … and 40 more pods, no longer recorded individually"))
    #expect(lines.last == "  no pod was changed")
  }

  @Test(
    "durations are written in words",
    arguments: [
      (0, "0 s"), (59, "59 s"), (60, "1 min"), (245, "4 min 5 s"), (3_600, "1 h"), (7_860, "2 h 11 min"),
    ])
  func words(_ seconds: Int, _ words: String) { #expect(SecondsText.exact(seconds) == words) }
}
