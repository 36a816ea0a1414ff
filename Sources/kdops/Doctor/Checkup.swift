import Values

/// The judgement of `kdops doctor`: for each subject whether it is in order, and otherwise how to correct it.
struct Checkup: Hashable, Sendable {
  /// One subject and its result.
  struct Check: Hashable, Sendable {
    enum Subject: String, CaseIterable, Sendable {
      case configuration
      case git
      case apiServer = "api-server"
      case rbac
      case bubblewrap
      case signatures
      case clock
      case disk
      case build
      case libgit2
      case gitProgram = "git-program"
      case kernel
    }

    enum Result: String, Sendable {
      case ok
      /// kdops works, but something should be changed.
      case warning
      case failed
      /// The check does not apply, or cannot be made.
      case skipped
    }

    var subject: Subject
    var result: Result
    /// One sentence without a full stop.
    var message: String
    /// What to do; nil if nothing has to be done.
    var fix: String?
  }

  let checks: [Check]

  init(_ facts: CheckupFacts) {
    checks = [
      Self.configuration(facts), Self.repository(facts), Self.apiServer(facts), Self.access(facts),
      Self.scripts(facts), Self.signatures(facts), Self.clock(facts.clock), Self.disk(facts),
      Self.build(facts.versions), Self.libgit2(facts.versions), Self.gitProgram(facts.versions),
      Self.kernel(facts.versions),
    ]
  }

  func count(_ result: Check.Result) -> Int { checks.count { $0.result == result } }

  /// Whether something is wrong that prevents kdops from working.
  var hasFailed: Bool { count(.failed) > 0 }

  var json: JSON {
    [
      "schemaVersion": 1, "passed": .bool(!hasFailed),
      "checks": .array(
        checks.map { (check: Check) -> JSON in
          [
            "check": .string(check.subject.rawValue), "result": .string(check.result.rawValue),
            "message": .string(check.message), "fix": check.fix.map(JSON.string) ?? .null,
          ]
        }),
    ]
  }
}
