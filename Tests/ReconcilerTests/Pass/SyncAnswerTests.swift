import Reports
import TestSupport
import Testing

@testable import Reconciler

@Suite("The answer to a request to fetch")
struct SyncAnswerTests {
  @Test("comes with the head that was pushed before the request, after it was applied")
  func answered() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      await fixture.rest()
      let commit = try fixture.user.commit(["README.md": "new"], "Change")
      try fixture.user.push()
      let id = SyncID.random()
      await fixture.reconciler.sync(id)
      let answer = await until {
        await fixture.recorder.reconciled.first { $0.requests.contains(id) }
      }
      #expect(answer?.head == commit)
      #expect(await fixture.reconciler.progress(of: id) == .done)
      #expect(await fixture.object(.clusters, "shop") != nil)
    }
  }

  @Test("comes also if nothing has changed")
  func unchanged() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      await fixture.rest()
      let id = SyncID.random()
      await fixture.reconciler.sync(id)
      let isDone = await until { await fixture.reconciler.progress(of: id) == .done ? true : nil }
      #expect(isDone == true)
    }
  }
}
