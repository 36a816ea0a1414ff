import Foundation
import TestSupport
import Testing

@Suite("--fetch-status")
struct StatusFetchTests {
  private typealias Files = HookWorld.Files
  private let world: HookWorld

  init() throws {
    world = try HookWorld()
    try world.clone.commit([Files.cluster: Files.analytics("1.0.0", members: 5)], "Grow")
  }

  private func validate() throws -> HookWorld.Attempt {
    try world.kdops("validate", "--base", "HEAD~1", "--fetch-status")
  }

  @Test("brings the newest status and judges by it; one that the remote has no more is not believed")
  func fetches() throws {
    try world.publish("updating")
    let first = try validate()
    #expect(first.passed)
    #expect(first.said.contains("fetching the status of running clusters from origin …"))
    #expect(first.said.contains("prod/analytics  resize: waiting"))
    try world.publish("configured", at: 1_704_069_000)
    #expect(try validate().said.contains("prod/analytics  resize: accepted"))
    try world.server.git("update-ref", "-d", "refs/kdops/status")
    let gone = try validate()
    #expect(gone.passed)
    #expect(gone.said.contains("origin has no status of running clusters yet"))
    #expect(gone.said.contains("not judged without a status of running clusters: cluster/busy"))
  }

  @Test("says what is wrong where the remote cannot be reached, or there is none")
  func unreachable() throws {
    try world.clone.git("remote", "set-url", "origin", "/nowhere")
    let attempt = try validate()
    #expect(!attempt.passed)
    #expect(
      attempt.said.contains(
        "the status of running clusters could not be fetched from origin: fatal: '/nowhere'"))
    #expect(attempt.said.contains("check that `git fetch origin` works here"))
    try world.clone.git("remote", "remove", "origin")
    #expect(try validate().said.contains("there is no remote to fetch the status"))
  }
}
