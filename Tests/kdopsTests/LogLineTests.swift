import Logging
import Testing
import Values

@testable import kdops

@Suite("A log line")
struct LogLineTests {
  private func line(_ event: String, _ metadata: Logger.Metadata = [:], level: Logger.Level = .info)
    -> LogLine
  {
    LogLine(time: 1_769_850_300, level: level, event: event, metadata: metadata)
  }

  @Test("has time, level and event, and then cluster, role and pod")
  func order() {
    let line = line(
      "pod.upgraded",
      [
        "took": "13.2s", "pod": "analytics-worker-4", "commit": "4f2c9ab", "role": "worker",
        "cluster": "prod/analytics", "attempt": "1",
      ])
    #expect(
      line.text(.logfmt)
        == "time=2026-01-31T09:05:00Z level=info event=pod.upgraded cluster=prod/analytics role=worker "
        + "pod=analytics-worker-4 commit=4f2c9ab attempt=1 took=13.2s")
  }

  @Test(
    "quotes a value if its end could be ambiguous",
    arguments: [
      ("two words", #""two words""#), ("", #""""#), ("a=b", #""a=b""#), ("say \"no\"", #""say \"no\"""#),
      ("back\\slash", #""back\\slash""#), ("one\ntwo", #""one\ntwo""#), ("\u{1B}[2J", #""␛[2J""#),
      ("déjà", "déjà"),
    ])
  func quoting(_ value: String, _ written: String) {
    #expect(line("x", ["error": "\(value)"]).text(.logfmt).hasSuffix(" error=\(written)"))
  }

  @Test("removes credentials from events and values, in both formats", arguments: LogFormat.allCases)
  func redaction(_ format: LogFormat) {
    let text = line(
      "fetch https://bot:hunter2@git.example/x", ["error": "GET https://git.example/?token=hunter2"]
    ).text(format)
    #expect(!text.contains("hunter2"))
    #expect(text.contains("git.example"))
  }

  @Test("in JSON is one object per line, and metadata cannot imitate level or time")
  func json() throws {
    let text = line("stop", ["level": "forged", "error": "one\ntwo"], level: .error).text(.json)
    let json = try JSON.parse(text)
    #expect(!text.contains("\n"))
    #expect(json["level"] == "error")
    #expect(json["level_"] == "forged")
    #expect(json["time"] == "2026-01-31T09:05:00Z")
    #expect(json["error"] == "one\ntwo")
  }

  @Test("for people has the event in words, its object, facts, the error and its remedy")
  func human() {
    let failed = line(
      "git.fetch.failed",
      ["kind": "refused", "error": "authentication failed", "hint": "set KDOPS_GIT_TOKEN_FILE"],
      level: .warning)
    #expect(
      failed.text(.human)
        == "09:05:00Z warning  the repository cannot be fetched (kind refused): authentication failed; "
        + "set KDOPS_GIT_TOKEN_FILE")
    let upgraded = line(
      "pod.upgraded",
      ["cluster": "prod/analytics", "role": "worker", "pod": "analytics-worker-4", "took": "13.2s"])
    #expect(
      upgraded.text(.human)
        == "09:05:00Z info     pod upgraded: prod/analytics worker analytics-worker-4 (took 13.2s)")
    #expect(line("scripts run as user 7").text(.human) == "09:05:00Z info     scripts run as user 7")
    #expect(line("x", ["error": "a\u{1B}[2J\nb"]).text(.human).hasSuffix(": a␛[2J␊b"))
  }

  @Test("an invalid key cannot forge another pair")
  func keys() {
    #expect(line("x", ["a b=c": "1"]).text(.logfmt).hasSuffix(" a_b_c=1"))
  }
}
