import ClusterAPI
import Reports
import TestSupport
import Testing

@testable import Control

@Suite("Requests to fetch through the socket")
struct ControlHandlerTests {
  private actor FakeDaemon: ControlledDaemon {
    private(set) var calls: [String] = []
    private var requests: [SyncID: SyncProgress] = [:]

    func sync() { calls.append("sync") }
    func sync(_ id: SyncID) {
      calls.append("sync \(id)")
      requests[id] = .requested
    }
    func progress(of id: SyncID) -> SyncProgress? { requests[id] }
    func accept(_ sha: String) -> Bool {
      calls.append("accept \(sha)")
      return sha == "4f2c9ab"
    }
    func move(_ id: SyncID, to progress: SyncProgress) { requests[id] = progress }
  }

  private let id = SyncID(annotation: "r1")

  private func handler(_ daemon: FakeDaemon) -> ControlHandler {
    ControlHandler(daemon: daemon, clusters: ClusterCommandHandler(api: ForwardingAPI(), now: { 0 }))
  }

  @Test("a repeated request reports the progress of the first one, and requests nothing")
  func repeated() async {
    let daemon = FakeDaemon()
    let handler = handler(daemon)
    let request = ControlRequest(.sync(accept: nil, id: id))
    let first = await handler.answer(request)
    #expect(first.sync == .requested)
    #expect(!first.isRepeated)
    await daemon.move(id, to: .applying)
    let second = await handler.answer(request)
    #expect(second.sync == .applying)
    #expect(second.isRepeated)
    let calls = await daemon.calls
    #expect(calls == ["sync r1"])
  }

  @Test("a request of an older client has no id, and its answer no progress")
  func older() async {
    let daemon = FakeDaemon()
    let answer = await handler(daemon).answer(ControlRequest(.sync(accept: nil)))
    #expect(answer.sync == nil)
    let calls = await daemon.calls
    #expect(calls == ["sync"])
  }

  @Test("with an approval, the fetch that is answered follows the approval")
  func approval() async {
    let daemon = FakeDaemon()
    let handler = handler(daemon)
    let accepted = await handler.answer(ControlRequest(.sync(accept: "4f2c9ab", id: id)))
    #expect(accepted.outcome == .done)
    #expect(accepted.sync == .requested)
    let refused = await handler.answer(ControlRequest(.sync(accept: "0000000", id: id)))
    #expect(refused.outcome == .refused)
    #expect(refused.sync == nil)
    let calls = await daemon.calls
    #expect(calls == ["accept 4f2c9ab", "sync r1", "accept 0000000", "sync"])
  }
}
