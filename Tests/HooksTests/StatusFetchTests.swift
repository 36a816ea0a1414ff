import Foundation
import GitStore
import TestSupport
import Testing

@testable import Hooks

@Suite("--fetch-status")
struct StatusFetchTests {
  private typealias Files = HookFixture.Files
  private let fixture: HookFixture

  init() throws {
    fixture = try HookFixture()
    try fixture.clone.commit([Files.cluster: Files.analytics("1.0.0", members: 5)], "Grow")
  }

  private func validate() throws -> HookFixture.Attempt {
    try fixture.kdops("validate", "--base", "HEAD~1", "--fetch-status")
  }

  @Test("fetches the newest status and validates with it; one that the remote has deleted is not used")
  func fetches() throws {
    try fixture.publish("updating")
    let first = try validate()
    #expect(first.passed)
    #expect(first.said.contains("fetching the status of running clusters from origin …"))
    #expect(first.said.contains("prod/analytics  resize: waiting"))
    try fixture.publish("configured", at: 1_704_069_000)
    #expect(try validate().said.contains("prod/analytics  resize: accepted"))
    try fixture.server.git("update-ref", "-d", "refs/kdops/status")
    let gone = try validate()
    #expect(gone.passed)
    #expect(gone.said.contains("origin has no status of running clusters yet"))
    #expect(
      gone.said.contains(
        "not judged without a status of running clusters: cluster/busy; after `kdops hook install`, `git fetch`"
      ))
  }

  @Test("reports a remote that cannot be reached, and a missing remote")
  func unreachable() throws {
    try fixture.clone.git("remote", "set-url", "origin", "/nowhere")
    let attempt = try validate()
    #expect(!attempt.passed)
    #expect(
      attempt.said.contains(
        "the status of running clusters could not be fetched from origin: fatal: '/nowhere'"))
    #expect(attempt.said.contains("check that `git fetch origin` works here"))
    try fixture.clone.git("remote", "remove", "origin")
    #expect(try validate().said.contains("there is no remote to fetch the status"))
  }

  @Test("passes credentials from the environment to git over TLS only, and on no command line")
  func credentials() throws {
    let scratch = try TemporaryFolder()
    try Data("hidden\n".utf8).write(to: URL(fileURLWithPath: scratch.path + "/token"))
    let given = try #require(try FetchCredentials(["KDOPS_GIT_TOKEN_FILE": scratch.path + "/token"]))
    #expect(given.user == "x-access-token")
    let variables = ["KDOPS_FETCH_USER": given.user, "KDOPS_FETCH_SECRET": "hidden", "GIT_ASKPASS": "false"]
    func filled(_ address: String) throws -> String {
      let command = ["git"] + FetchCredentials.arguments + ["credential", "fill"]
      return try TemporaryRepository.run(
        command, in: nil, input: "url=\(address)\n\n", environment: variables)
    }
    #expect(try filled("https://git.example").contains("username=x-access-token\npassword=hidden"))
    #expect(throws: ToolError.self) { try filled("http://git.example") }
    #expect(!FetchCredentials.arguments.joined().contains("hidden"))
    #expect(try FetchCredentials(["KDOPS_GIT_USER": "ci", "KDOPS_GIT_PASSWORD": "p"])?.user == "ci")
    #expect(try FetchCredentials(["KDOPS_GIT_USER": "ci"]) == nil)
    #expect(throws: GitError.self) { try FetchCredentials(["KDOPS_GIT_TOKEN_FILE": "/nowhere"]) }
  }
}
