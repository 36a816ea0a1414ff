import Foundation
import TestSupport
import Testing

@testable import GitStore

@Suite("A push while a fetch is in progress")
struct PublishDuringFetchTests {
  private let folder: TemporaryFolder
  private let bare: TemporaryRepository
  private let work: TemporaryRepository
  private let ref = "refs/kdops/status"

  init() throws {
    folder = try TemporaryFolder()
    (bare, work) = try TemporaryRepository.pushed()
  }

  private func publish(_ text: String, by mirror: Mirror) async throws {
    let update = try RefUpdate(ref: ref, .files(["prod/a.yaml": Array(text.utf8)]), message: text)
    _ = try await mirror.publish(
      [update], author: Signature(name: "kdops", email: "kdops@example.invalid", seconds: 1_700_000_000))
  }

  @Test("is not undone by the fetch, which had read the remote's refs before")
  func race() async throws {
    let mirror = try await Mirror.open(
      Remote(try GitURL(bare.path)), at: "\(folder.path)/mirror", refs: [ref])
    _ = try await mirror.fetch("main")
    try await publish("one", by: mirror)
    _ = try await mirror.fetch("main")
    try await publish("two", by: mirror)
    // The second part of a fetch whose first part ended before the push.
    #expect(try await mirror.fetchFurtherRefs().isEmpty)
    let there = try bare.git("rev-parse", ref)
    #expect(try await mirror.known(ref)?.hex == there)
    #expect(try await mirror.standing(ref)?.isOwn == true)
  }
}
