import Foundation
import TestSupport
import Testing
import Values

/// The templates are run unchanged: the forge is simulated, the jobs are real.
@Suite(
  "The jobs of hooks/ci", needsBubblewrap,
  .enabled(if: Tool.has("curl") && Tool.has("jq"), "curl and jq are not installed"))
struct PipelineScenarios {
  enum Kind: CaseIterable { case gitlab, gitlabMerging, github }

  /// The jobs' results by `validate`, `plan` and `rehearse`.
  private static func run(_ proposal: Proposal, on kind: Kind, _ port: Int) async throws -> [String:
    JobResult]
  {
    switch kind {
    case .github: return try await GitHubWorkflow().run(proposal, port: port)
    case .gitlab, .gitlabMerging:
      let results = try await GitLabPipeline().run(proposal, merges: kind == .gitlabMerging, port: port)
      return named(results)
    }
  }

  private static func named(_ results: [String: JobResult]) -> [String: JobResult] {
    Dictionary(uniqueKeysWithValues: results.map { ($0.key.replacing("kdops-", with: ""), $0.value) })
  }

  /// A fleet of one cluster that a daemon has created, a change of it, and the jobs' results for that change.
  private func propose(
    _ change: (Fixture) -> [String: String?], fromFork: Bool = false, on kind: Kind,
    _ fixture: Fixture = Fixture(.embedded, workers: 1),
    _ look: @escaping @Sendable ([String: JobResult], CommentServer) async throws -> Void
  ) async throws {
    let files = change(fixture)
    try await scenario(fixture, start: false) { scene in
      _ = try await scene.start(["--once"]).ended(within: .seconds(120))
      let other = Fixture.clusterPath("other")
      let proposal = try Proposal(
        files, meanwhile: [other: fixture.cluster("other", app: "1.0.0")], to: scene.forge,
        fromFork: fromFork)
      try await CommentServer.run { server, port in
        // GitHub does not let a job's own token read its user.
        if kind == .github { server.state.withLock { $0.rights = .anonymous } }
        try await look(Self.run(proposal, on: kind, port), server)
      }
    }
  }

  @Test(
    "pass a good merge request, describe its effect in one comment, and rehearse it", arguments: Kind.allCases
  )
  func good(kind: Kind) async throws {
    try await propose({ $0.upgrade() }, on: kind) { results, server in
      let (validate, plan) = (try #require(results["validate"]), try #require(results["plan"]))
      let rehearse = try #require(results["rehearse"])
      for result in [validate, plan, rehearse] { #expect(result.code == 0, "\(result.log)") }
      let comments = server.state.withLock(\.comments)
      try #require(comments.count == 1, "\(plan.log)")
      #expect(comments[0].body.contains("| default/shop | web-1.0.0 → web-1.1.0 |"), "\(comments[0].body)")
      #expect(comments[0].body.contains("running clusters of "))
      // Commits that the main branch received later are not part of the change.
      #expect(!comments[0].body.contains("other"), "\(comments[0].body)")
      #expect(!validate.log.contains("default/other") && !rehearse.log.contains("default/other"))
      #expect(rehearse.log.contains("rehearsal passed"))
      switch kind {
      case .gitlab, .gitlabMerging:
        #expect(validate.json("codequality") == [])
        #expect(validate.kept["junit"]?.contains(#"failures="0""#) == true)
        #expect(plan.kept["kdops-plan.md"] == comments[0].body)
      case .github:
        #expect(validate.json("sarif")?["runs"]?[0]?["results"] == [])
        #expect(plan.kept["summary"] == comments[0].body)
        // The runner does not execute commands in the output of startscripts.
        let words = rehearse.log.split(separator: "\n").filter { $0.hasPrefix("::") }
        #expect(words.count == 2 && words[0].hasPrefix("::stop-commands::"), "\(words)")
      }
    }
  }

  @Test(
    "fail a bad merge request with annotations at its lines; the plan is still made", arguments: Kind.allCases
  )
  func bad(kind: Kind) async throws {
    try await propose({ $0.upgrade(workers: 2) }, on: kind) { results, server in
      let (validate, plan) = (try #require(results["validate"]), try #require(results["plan"]))
      #expect(validate.code == 1, "\(validate.log)")
      #expect(plan.code == 0, "\(plan.log)")
      #expect(results["rehearse"]?.code == 1)
      #expect(server.state.withLock(\.comments).first?.body.contains("upgrade/only-app") == true)
      switch kind {
      case .gitlab, .gitlabMerging:
        let found = validate.json("codequality")?[0]
        #expect(found?["check_name"] == "upgrade/only-app")
        #expect(found?["severity"] == "critical")
        #expect(found?["location"]?["path"] == "clusters/shop.yaml")
        #expect(validate.kept["junit"]?.contains(#"failures="1""#) == true)
      case .github:
        #expect(validate.log.contains("::error file=clusters/shop.yaml,line="), "\(validate.log)")
        #expect(validate.json("sarif")?["runs"]?[0]?["results"]?[0]?["ruleId"] == "upgrade/only-app")
        #expect(plan.kept["summary"]?.contains("upgrade/only-app") == true)
      }
    }
  }

  @Test("fail a merge request whose rehearsal fails, and name the pod", arguments: [Kind.gitlab, .github])
  func broken(kind: Kind) async throws {
    let fixture = Fixture(.embedded, workers: 1, .init(version: "1.1", failsUpgraded: 7))
    try await propose({ $0.upgrade() }, on: kind, fixture) { results, server in
      #expect(results["validate"]?.code == 0)
      #expect(results["plan"]?.code == 0)
      let rehearse = try #require(results["rehearse"])
      #expect(rehearse.code == 1)
      #expect(rehearse.log.contains("--pod_upgraded") && rehearse.log.contains("exit 7"), "\(rehearse.log)")
    }
  }

  @Test("work for a fork, which has no token for comments", arguments: [Kind.gitlab, .github])
  func fork(kind: Kind) async throws {
    try await propose({ $0.upgrade() }, fromFork: true, on: kind) { results, server in
      for name in ["validate", "plan", "rehearse"] {
        let result = try #require(results[name])
        #expect(result.code == 0, "\(name): \(result.log)")
      }
      #expect(server.state.withLock(\.lines).isEmpty)
      let plan = try #require(results["plan"]?.kept[kind == .github ? "summary" : "kdops-plan.md"])
      #expect(plan.contains("web-1.0.0 → web-1.1.0"), "\(plan)")
      // A fork has no statuses of its own, and the plan says so.
      #expect(plan.contains("running clusters of ") == (kind == .github), "\(plan)")
      if kind == .github { #expect(results["validate"]?.kept["sarif"] == nil) }
    }
  }

  @Test(
    "validate the whole tree on the main branch, and do nothing else there",
    arguments: [Kind.gitlab, .github])
  func main(kind: Kind) async throws {
    try await scenario(Fixture(.embedded, workers: 1), start: false) { scene in
      try await CommentServer.run { server, port in
        let results =
          kind == .github
          ? try await GitHubWorkflow().runOnMain(of: scene.forge.bare, port: port)
          : Self.named(try await GitLabPipeline().runOnMain(of: scene.forge.bare, port: port))
        #expect(Array(results.keys) == ["validate"])
        let validate = try #require(results["validate"])
        #expect(validate.code == 0, "\(validate.log)")
        #expect(validate.json(kind == .github ? "sarif" : "codequality") != nil)
        #expect(server.state.withLock(\.lines).isEmpty)
      }
    }
  }
}
