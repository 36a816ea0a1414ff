import ClusterAPI
import KubeDirector
import Testing

@testable import Reconciler

@Suite("A change that waits for a connected cluster", .timeLimit(.minutes(10)))
struct NeighbourTests {
  private static let wait =
    "the last change is not done; members are notified of clusters/depot when it is configured"

  private static func shop(
    _ version: String = "1.0.0", members: Int = 1, beside neighbours: [String] = ["depot"]
  )
    -> [String: String?]
  {
    ["clusters/shop.yaml": Files.cluster("shop", version, members: members, neighbours: neighbours)]
  }

  private static let start = Files.shops("shop", "depot").merging(["apps/1.1.0.json": Files.app("1.1.0")]) {
    $1
  }

  /// Connects the shop to the depot.
  private static func connect(_ fixture: ReconcilerFixture, _ files: [String: String?] = [:]) async throws
    -> String
  {
    try await fixture.engine("shop")
    let commit = try await fixture.push(shop().merging(files) { $1 })
    await fixture.cluster("shop") { $0.annotation(Wire.Annotation.commit) == commit }
    return commit
  }

  @Test("has a blocked change evaluated again when the engine reports that it waits")
  func heldBefore() async throws {
    try await ReconcilerFixture.open(Self.start) { fixture in
      try await fixture.engine("depot", .updating)
      _ = try await Self.connect(fixture)
      try await fixture.engine("shop", hasSeen: false)
      let back = try await fixture.push(Self.shop(beside: []))
      #expect(await fixture.report(back, "shop")?.rules == ["cluster/busy"])
      await fixture.reconciled(back)
      try await fixture.engine("shop", waiting: Self.wait, hasSeen: false)
      await fixture.report(back, "shop") { $0.verdict == .accepted }
    }
  }

  @Test("does not block the next change; the one after that waits until the engine has seen the next")
  func nextButOne() async throws {
    try await ReconcilerFixture.open(Self.start) { fixture in
      try await fixture.engine("depot", .updating)
      _ = try await Self.connect(fixture)
      try await fixture.engine("shop", waiting: Self.wait, hasSeen: false)
      let next = try await fixture.push(Self.shop(members: 2))
      await fixture.report(next, "shop") { $0.verdict == .accepted }
      let last = try await fixture.push(Self.shop("1.1.0", members: 2))
      #expect(await fixture.report(last, "shop")?.rules == ["upgrade/configured"])
      try await fixture.engine("shop")
      await fixture.report(last, "shop") { $0.verdict == .accepted }
      #expect(await fixture.report(next, "shop")?.phase == .done)
    }
  }

  @Test("is not waited for in converge-once mode if the connected cluster is stalled")
  func once() async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Self.start, at: site) { fixture in
      try await fixture.engine("depot", .updating, stalled: "depot-worker-0: no such image")
      let commit = try await Self.connect(fixture)
      try await fixture.engine("shop", waiting: Self.wait, hasSeen: false)
      await fixture.report(commit, "shop") { $0.message == Self.wait }
    }
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      let outcome = await until { await fixture.recorder.outcome }
      guard case .unsettled(rejected: 0, failed: _, waiting: 1)? = outcome else {
        Issue.record("\(String(describing: outcome))")
        return
      }
    }
  }

  @Test("is waited for in converge-once mode if the connected cluster makes progress")
  func onceGoingOn() async throws {
    let site = try Site()
    try await ReconcilerFixture.open(Self.start, at: site) { fixture in
      try await fixture.engine("depot", .updating)
      let commit = try await Self.connect(fixture)
      try await fixture.engine("shop", waiting: Self.wait, hasSeen: false)
      await fixture.report(commit, "shop") { $0.message == Self.wait }
    }
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      await fixture.rest()
      #expect(await fixture.recorder.outcome == nil)
      try await fixture.engine("depot")
      await fixture.rest()
      #expect(await fixture.recorder.outcome == nil)
      try await fixture.engine("shop")
      #expect(await until { await fixture.recorder.outcome } == .converged)
    }
  }

  @Test(
    "does not prevent history: stepwise from reaching the commit that fixes the connected cluster",
    arguments: [true, false])
  func stepwise(isSuspended: Bool) async throws {
    try await ReconcilerFixture.open(Self.start, settings: .init(history: .stepwise)) { fixture in
      try await fixture.engine("shop")
      try await fixture.engine("depot")
      let suspended = Files.cluster("depot", "1.0.0", "annotations: {\(Wire.Annotation.suspend): \"true\"}")
      try await fixture.push(["clusters/depot.yaml": suspended])
      await fixture.cluster("depot") { $0.isSuspended }
      if isSuspended {
        try await fixture.engine("depot", .updating, isSuspended: true)
      } else {
        try await fixture.engine("depot", .updating, stalled: "depot-worker-0: no such image")
      }
      _ = try await Self.connect(fixture)
      try await fixture.engine("shop", waiting: Self.wait, hasSeen: false)
      try await fixture.push(["clusters/depot.yaml": Files.cluster("depot", "1.0.0")])
      await fixture.cluster("depot") { !$0.isSuspended }
    }
  }
}
