import Foundation
import Manifests
import TestSupport
import Values

/// Runs the jobs of `hooks/ci/github.yml` as GitHub and its runner do.
///
/// Sources: docs.github.com/actions (contexts, `if`, the files of a job, `shell: bash`), `actions/checkout`
/// (the test merge, detached). The workspace of a job in a container belongs to the runner's user.
struct GitHubWorkflow {
  private let workflow: JSON

  init() throws {
    let path = "\(JobFolder.root)/hooks/ci/github.yml"
    guard let json = SettingsFile(path: path, bytes: Array(try Data(contentsOf: URL(filePath: path)))).json
    else { throw ToolError("\(path) is no YAML") }
    workflow = json
  }

  /// The event of a run.
  private struct Occasion {
    var repository: TemporaryRepository
    var commit: String
    var ref: String
    /// The contexts `github` and `vars`.
    var contexts: JSON
    var variables: [String: String]
  }

  /// The run for a pull request, by the jobs' names.
  ///
  /// - Parameter port: of GitHub's API.
  func run(_ proposal: Proposal, port: Int) async throws -> [String: JobResult] {
    // The pull request of a fork runs in the team's repository, which has the merge, but its token may only
    // read.
    let contexts: JSON = [
      "github": [
        "event_name": "pull_request", "repository": "acme/fleet", "ref": .string(Proposal.mergedRef),
        "token": proposal.isFork ? "ghs_readonly" : .string(CommentServer.token),
        "event": [
          "pull_request": [
            "number": 3,
            "head": ["repo": ["full_name": proposal.isFork ? "mallory/fleet" : "acme/fleet"]],
            // The base at the time when the pull request was opened.
            "base": ["sha": .string(proposal.parted), "ref": "main"],
          ]
        ],
      ], "vars": ["KDOPS_CODE_SCANNING": "true"],
    ]
    return try await run(
      Occasion(
        repository: proposal.team, commit: proposal.merge, ref: Proposal.mergedRef, contexts: contexts,
        variables: ["GITHUB_BASE_REF": "main", "GITHUB_HEAD_REF": "proposal"]), port)
  }

  /// The run for a push to the main branch.
  func runOnMain(of repository: TemporaryRepository, port: Int) async throws -> [String: JobResult] {
    let contexts: JSON = [
      "github": ["event_name": "push", "repository": "acme/fleet", "ref": "refs/heads/main", "event": [:]],
      "vars": ["KDOPS_CODE_SCANNING": "true"],
    ]
    return try await run(
      Occasion(
        repository: repository, commit: try repository.head("main"), ref: "refs/heads/main",
        contexts: contexts, variables: ["GITHUB_BASE_REF": "", "GITHUB_HEAD_REF": ""]), port)
  }

  private func run(_ occasion: Occasion, _ port: Int) async throws -> [String: JobResult] {
    var results: [String: JobResult] = [:]
    for (name, job) in workflow["jobs"]?.object ?? [:] {
      if let condition = job["if"]?.string {
        guard try Self.holds(condition, occasion, hasFailed: false, in: nil) else { continue }
      }
      results[name] = try await run(job, occasion, port)
    }
    return results
  }

  private func run(_ job: JSON, _ occasion: Occasion, _ port: Int) async throws -> JobResult {
    let folder = try JobFolder()
    let (summary, event) = ("../home/summary", "../home/event")
    for (path, text) in [(summary, ""), (event, occasion.contexts["github"]?["event"]?.text() ?? "{}")] {
      try Data(text.utf8).write(to: URL(filePath: "\(folder.clone)/\(path)"))
    }
    let variables = occasion.variables.merging([
      "GITHUB_ACTIONS": "true", "GITHUB_API_URL": "http://127.0.0.1:\(port)", "GITHUB_SHA": occasion.commit,
      "GITHUB_REPOSITORY": "acme/fleet", "GITHUB_WORKSPACE": folder.clone,
      "GITHUB_EVENT_PATH": "\(folder.clone)/\(event)", "GITHUB_STEP_SUMMARY": "\(folder.clone)/\(summary)",
    ]) { $1 }
    var result = JobResult(code: 0, log: "")
    for step in job["steps"]?.array ?? [] {
      let condition = step["if"]?.string ?? "success()"
      guard try Self.holds(condition, occasion, hasFailed: result.code != 0, in: folder) else { continue }
      if let script = step["run"]?.string {
        var environment = variables
        for level in [workflow, job, step] {
          for (name, value) in level["env"]?.strings ?? [:] {
            environment[name] = try Self.filled(value, occasion)
          }
        }
        let ending = try await folder.run(
          try Self.filled(script, occasion), shell: ["bash", "--noprofile", "--norc", "-eo", "pipefail"],
          environment)
        result.log += ending.log
        if result.code == 0 { result.code = ending.code }
      } else {
        try await use(step, occasion, folder, &result)
      }
    }
    result.kept["summary"] = folder.text(summary)
    return result
  }

  private func use(
    _ step: JSON, _ occasion: Occasion, _ folder: JobFolder, _ result: inout JobResult
  ) async throws {
    let name = step["uses"]?.string?.prefix { $0 != "@" } ?? ""
    switch name {
    case "actions/checkout":
      try await folder.checkOut(
        occasion.commit, at: occasion.ref, of: occasion.repository,
        depth: step["with"]?["fetch-depth"]?.integer ?? 1)
      try folder.giveAway()
    case "github/codeql-action/upload-sarif":
      result.kept["sarif"] = (step["with"]?["sarif_file"]?.string).flatMap(folder.text)
    default: throw ToolError("what does \(name) do?")
    }
  }

  // MARK: Expressions

  private static func holds(
    _ text: String, _ occasion: Occasion, hasFailed: Bool, in folder: JobFolder?
  ) throws -> Bool {
    let inner = text.hasPrefix("${{") ? String(text.dropFirst(3).dropLast(2)) : text
    var asksForState = false
    let value = try Condition.evaluate(inner, value: { lookUp($0, occasion) }) { name, arguments in
      switch name {
      case "hashFiles":
        return .string((arguments.first?.string).flatMap { folder?.text($0) } == nil ? "" : "0f")
      case "success": return .bool(!hasFailed)
      case "cancelled":
        asksForState = true
        return false
      default: return .null
      }
    }
    // A condition without a status function implies `success()`.
    return Condition.isTrue(value) && (asksForState || !hasFailed)
  }

  /// A name without a value evaluates to an empty string.
  private static func lookUp(_ name: String, _ occasion: Occasion) -> JSON {
    let found = name.split(separator: ".").reduce(occasion.contexts as JSON?) { $0?[String($1)] }
    return found ?? ""
  }

  private static func filled(_ text: String, _ occasion: Occasion) throws -> String {
    var filled = text
    while let place = filled.firstMatch(of: /\$\{\{(.*?)\}\}/) {
      let value = try Condition.evaluate(String(place.1)) { lookUp($0, occasion) }
      filled.replaceSubrange(place.range, with: value.string ?? value.text())
    }
    return filled
  }
}
