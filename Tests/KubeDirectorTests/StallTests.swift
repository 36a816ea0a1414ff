import KubeDirector
import Testing

@Suite("A stall")
struct StallTests {
  private func read(_ message: String) -> Stall? {
    ClusterStatus(
      state: .updating, app: "app-1.1",
      conditions: [
        Condition(
          type: .stalled, status: true, reason: .errImagePull, message: message, lastTransition: 0)
      ]
    ).stall
  }

  @Test(
    "is read back from its condition with pod, cause and remedy",
    arguments: [
      ("; to return to app-1.0, revert commit 4f2c9ab", Stall.Remedy.revert(commit: "4f2c9ab")),
      (
        "; to return to app-1.0, revert commit 4f2c9ab: git restore --source=4f2c9ab~1 c.yaml && git commit",
        .revert(commit: "4f2c9ab")
      ),
      ("; to return to app-1.0, name it in git again", .revert(commit: nil)),
      ("; fix the cause, then kdops retry default/c/c-worker-2", .retry),
      ("; a revert does not fix that: fix the cause, then kdops retry default/c/c-worker-2", .retry),
      ("; fix the cause, and the rollback continues automatically", .wait),
      ("; fix the cause", .wait), ("", .none),
    ])
  func remedies(advice: String, remedy: Stall.Remedy) throws {
    let cause = "c-worker-2: ErrImagePull: example/worker:2: not found"
    let stall = try #require(read(cause + advice))
    #expect(
      stall
        == Stall(pod: "c-worker-2", reason: "ErrImagePull", cause: cause, remedy: remedy, advice: advice))
    #expect(stall.message == cause + advice)
  }

  @Test("names no pod if its message does not begin with one")
  func withoutPod() throws {
    #expect(try #require(read("worker: no progress since 2026-01-31T09:05:00Z")).pod == nil)
    #expect(try #require(read("app app-1.1 is not in the cluster; restore its file")).pod == nil)
  }

  @Test("does not exist while the condition is false")
  func none() {
    let condition = Condition(
      type: .stalled, status: false, reason: "NoTrouble", message: "", lastTransition: 0)
    #expect(Stall(condition) == nil)
  }

  @Test("a wait is read back with its role")
  func waits() {
    let message = ProgressMessage(
      change: "from app-1.0 to app-1.1",
      waits: [.init(role: "worker", "for c-worker-2"), .init("members wait until secrets can be read")])
    #expect(
      message.text
        == "from app-1.0 to app-1.1; worker waits for c-worker-2; members wait until secrets can be read")
    #expect(ProgressMessage(message.text) == message)
  }
}
