import Foundation
import Manifests
import TestSupport
import Values

/// Runs the jobs of `hooks/ci/gitlab.yml` as GitLab and its runner do.
///
/// Sources: docs.gitlab.com/ci/yaml (`extends`, `rules`, `artifacts`), the predefined variables of merge
/// request pipelines, and the runner's shell, which runs `before_script` and `script` as one under `set -eo
/// pipefail`.
struct GitLabPipeline {
  private let jobs: [(name: String, json: JSON)]

  init() throws {
    let path = "\(JobFolder.root)/hooks/ci/gitlab.yml"
    let bytes = Array(try Data(contentsOf: URL(filePath: path)))
    guard let all = SettingsFile(path: path, bytes: bytes).json?.object else {
      throw ToolError("\(path) is no YAML")
    }
    jobs = all.filter { !$0.key.hasPrefix(".") && $0.value["script"] != nil }.map { name, job in
      (name, job["extends"]?.string.flatMap { all[$0] }.map { Self.merged($0, job) } ?? job)
    }
  }

  /// Keys of a job override those of the job that it extends; lists are not joined.
  private static func merged(_ base: JSON, _ job: JSON) -> JSON {
    guard case .object(var whole) = base, case .object(let above) = job else { return job }
    whole.merge(above) { merged($0, $1) }
    return .object(whole)
  }

  /// The pipeline of a merge request, by the jobs' names.
  ///
  /// - Parameters:
  ///   - merges: whether the project enables "merged results pipelines".
  ///   - port: of GitLab's API.
  func run(_ proposal: Proposal, merges: Bool = false, port: Int) async throws -> [String: JobResult] {
    var variables = Self.project(port).merging([
      "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "3",
      "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_MERGE_REQUEST_DIFF_BASE_SHA": proposal.parted,
      "CI_MERGE_REQUEST_TARGET_BRANCH_SHA": merges ? proposal.target : "",
      "CI_COMMIT_REF_NAME": "proposal",
    ]) { $1 }
    // A fork has its own variables and its own pipeline.
    if !proposal.isFork { variables["KDOPS_COMMENT_TOKEN"] = CommentServer.token }
    return try await run(merges ? proposal.merge : proposal.head, in: proposal.repository, variables)
  }

  /// The pipeline of a push to the main branch.
  func runOnMain(of repository: TemporaryRepository, port: Int) async throws -> [String: JobResult] {
    let variables = ["CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_COMMIT_REF_NAME": "main"]
    return try await run(
      repository.head("main"), in: repository, Self.project(port).merging(variables) { $1 })
  }

  private static func project(_ port: Int) -> [String: String] {
    [
      "GITLAB_CI": "true", "CI_API_V4_URL": "http://127.0.0.1:\(port)/api/v4", "CI_PROJECT_ID": "7",
      "CI_DEFAULT_BRANCH": "main", "KDOPS_IMAGE": "registry.example/kdops-ci:0.1.0",
    ]
  }

  private func run(
    _ commit: String, in repository: TemporaryRepository, _ variables: [String: String]
  ) async throws -> [String: JobResult] {
    try repository.git("update-ref", Proposal.pipelineRef, commit)
    var results: [String: JobResult] = [:]
    for (name, job) in jobs {
      let applies = try (job["rules"]?.array ?? []).contains { rule in
        Condition.isTrue(
          try Condition.evaluate(rule["if"]?.string ?? "") { JSON(variables[String($0.dropFirst())]) })
      }
      guard applies else { continue }
      results[name] = try await run(job, commit, in: repository, variables)
    }
    return results
  }

  private func run(
    _ job: JSON, _ commit: String, in repository: TemporaryRepository, _ variables: [String: String]
  ) async throws -> JobResult {
    let folder = try JobFolder()
    let all = variables.merging(job["variables"]?.strings ?? [:]) { $1 }
    // GitLab's default.
    let depth = all["GIT_DEPTH"].flatMap { Int($0) } ?? 20
    try await folder.checkOut(commit, at: Proposal.pipelineRef, of: repository, depth: depth)
    let lines = ["before_script", "script"].flatMap { job[$0]?.array ?? [] }.compactMap(\.string)
    let ending = try await folder.run(
      lines.joined(separator: "\n"), shell: ["bash", "-eo", "pipefail"],
      all.merging(["CI_COMMIT_SHA": commit, "CI_PROJECT_DIR": folder.clone]) { $1 })
    var result = JobResult(code: ending.code, log: ending.log)
    let artifacts = job["artifacts"]
    guard ending.code == 0 || artifacts?["when"]?.string == "always" else { return result }
    for (kind, path) in artifacts?["reports"]?.strings ?? [:] { result.kept[kind] = folder.text(path) }
    for path in (artifacts?["paths"]?.array ?? []).compactMap(\.string) {
      result.kept[path] = folder.text(path)
    }
    return result
  }
}
