import KubeDirector
import Testing
import Values

@Suite("The journal in the status")
struct JournalTests {
  private func run(_ id: String, pods: Int, text: String = "x", name: String = "p") -> Journal.Run {
    Journal.Run(
      id: id, isRollback: false, from: "a-1", to: "a-2", commit: "c", began: 1_800_000_000,
      pods: (0..<pods).map {
        Journal.Pod(
          role: name, pod: "\(name)-\($0)", at: 1 << 20, replace: 1 << 20, pull: 1 << 20, start: 1 << 20,
          hook: 1 << 20, isDone: true, stallReason: text.isEmpty ? nil : Journal.brief(text))
      },
      waits: (0..<20).map { (took: Int) in
        Journal.Wait(what: Journal.brief("\(took)\(text)"), at: 1 << 20, took: took)
      })
  }

  @Test("is read back as it was written")
  func roundTrip() {
    var journal = Journal(runs: [
      Journal.Run(
        id: "u", isRollback: true, from: "a-2", to: "a-1", commit: nil, began: 1_800_000_000,
        ended: 1_800_000_100, isTurnedBack: true,
        pods: [Journal.Pod(role: "r", pod: "p-0", at: 3, replace: 1, stallReason: "no")],
        waits: [Journal.Wait(what: "w", at: 1)], omitted: 2),
      run("v", pods: 3, text: ""),
    ])
    journal.trim()
    let status = ClusterStatus(state: .configured, app: "a-1", journal: journal)
    #expect(ClusterStatus(status.json)?.journal == journal)
    #expect(ClusterStatus(status.withoutJournal.json)?.journal == Journal())
    #expect(status.withoutJournal.json["journal"] == nil)
  }

  @Test("stays below 48 KiB for any length of names and reasons")
  func size() {
    let long = String(repeating: "\"\u{1F4A5}\n", count: 400)
    var journal = Journal(
      runs: (0..<9).map {
        run("\($0)", pods: 300, text: long, name: String(repeating: "n", count: 62))
      })
    journal.trim()
    #expect(journal.runs.count == Journal.runLimit)
    #expect(journal.runs.reduce(0) { $0 + $1.pods.count } == Journal.podLimit)
    #expect(journal.runs.reduce(0) { $0 + $1.omitted } == 4 * 300 - Journal.podLimit)
    #expect(journal.runs.allSatisfy { $0.waits.count == Journal.waitLimit })
    #expect(journal.json.text().utf8.count < 48 << 10)
  }

  @Test("drops successful pods before failed ones, and older runs before the last")
  func order() {
    var journal = Journal(runs: [run("old", pods: 60, text: ""), run("new", pods: 60, text: "")])
    journal.runs[0].pods[0].stallReason = "stuck"
    journal.trim()
    #expect(journal.runs[1].pods.count == 60)
    #expect(journal.runs[0].pods.count == Journal.podLimit - 60)
    #expect(journal.runs[0].pods[0].stallReason == "stuck")
    #expect(journal.runs[0].omitted == 120 - Journal.podLimit)
  }

  @Test("is read as far as possible if it is damaged")
  func damaged() {
    let journal = Journal([
      ["id": "u"], 7,
      [
        "id": "u", "from": "a", "to": "b", "began": "2026-01-31T09:05:00Z", "omitted": -4,
        "pods": [["pod": "p"], ["pod": "p-0", "role": "r", "at": -7, "hook": "long"]],
      ],
    ])
    #expect(journal.runs.count == 1)
    #expect(journal.runs.first?.omitted == 0)
    #expect(journal.runs.first?.pods == [Journal.Pod(role: "r", pod: "p-0", at: 0)])
  }

  @Test("cuts a reason between characters, and keeps it on one line")
  func brief() {
    #expect(Journal.brief("a\nb") == "a b")
    #expect(Journal.brief(String(repeating: "é", count: 100)).utf8.count <= Journal.textLimit)
    #expect(Journal.brief(String(repeating: "a", count: 117)) == String(repeating: "a", count: 117))
  }
}
