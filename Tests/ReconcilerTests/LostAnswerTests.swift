import ClusterAPI
import KubeDirector
import Rules
import StatusWriter
import Testing
import Values

@testable import Reconciler

@Suite("A change to which the cluster gives no answer", .timeLimit(.minutes(10)))
struct LostAnswerTests {
  private static let upgrade: [String: String?] = [
    "apps/1.1.0.json": Files.app("1.1.0"), "clusters/shop.yaml": Files.cluster("shop", "1.1.0"),
  ]

  /// Waits until what is new is told at once.
  private static func quiet(_ house: House) async {
    await house.rest()
    await until { await house.reconciler.isFlushScheduled ? nil : true }
  }

  @Test("its commit is not done with what else it changes: the note says that it is tried again")
  func isTold() async throws {
    let api = Mute(obeys: false)
    try await House.open(Files.shops("shop"), wrap: { api.stand(before: $0) }) { house in
      try await house.engine("shop")
      await Self.quiet(house)
      api.fallMute(for: .max)
      let commit = try await house.push(Self.upgrade)
      let report = await house.report(commit, "shop")
      #expect(report?.phase == .waiting && report?.change == "upgrade")
      #expect(
        report?.message == "the cluster gave no answer: the connection was cut; it is tried again by itself")
      api.fallMute(for: 0)
      await house.report(commit, "shop") { $0.verdict == "accepted" }
      #expect(await house.reconciler.held.isEmpty)
    }
  }

  @Test("whether or not it was done, the note says how it ends", arguments: [true, false])
  func upgrade(isDone: Bool) async throws {
    let api = Mute(obeys: isDone)
    try await House.open(Files.shops("shop"), wrap: { api.stand(before: $0) }) { house in
      try await house.engine("shop")
      await Self.quiet(house)
      api.fallMute()
      let commit = try await house.push(Self.upgrade)
      await house.report(commit, "shop") { $0.verdict == "accepted" }
      try await house.engine("shop")
      let end = await house.report(commit, "shop") { $0.phase == .done }
      #expect(end?.change == "upgrade")
      #expect(await house.told.phases[commit]?.filter { $0 == .done } == [.done])
    }
  }

  @Test("the same of a cluster that is made", arguments: [true, false])
  func creation(isDone: Bool) async throws {
    let api = Mute(obeys: isDone)
    api.fallMute()
    try await House.open(Files.shops("shop"), wrap: { api.stand(before: $0) }) { house in
      let commit = try house.user.head()
      try await house.engine("shop")
      let end = await house.report(commit, "shop") { $0.phase == .done }
      #expect(end?.change == "create")
      #expect(await house.told.phases[commit]?.filter { $0 == .done } == [.done])
    }
  }

  @Test("the same of a cluster that is deleted", arguments: [true, false])
  func deletion(isDone: Bool) async throws {
    let api = Mute(obeys: isDone)
    let pruning = Reconciler.Settings(policy: Policy(prune: true))
    try await House.open(Files.shops("shop", "depot"), settings: pruning, wrap: { api.stand(before: $0) }) {
      house in
      try await house.engine("shop")
      try await house.engine("depot")
      await Self.quiet(house)
      api.fallMute()
      let commit = try await house.push(["clusters/shop.yaml": nil])
      let end = await house.report(commit, "shop") { $0.phase == .done }
      #expect(end?.change == "delete" && end?.verdict == "accepted")
      #expect(await house.object(.clusters, "shop") == nil)
    }
  }

  @Test("a revert that comes before the answer takes the place of the change, and nothing waits any more")
  func reverted() async throws {
    let api = Mute(obeys: false)
    try await House.open(Files.shops("shop"), wrap: { api.stand(before: $0) }) { house in
      try await house.engine("shop")
      await Self.quiet(house)
      api.fallMute(for: .max)
      let commit = try await house.push(Self.upgrade)
      await house.report(commit, "shop") { $0.phase == .waiting }
      let revert = try await house.push(["clusters/shop.yaml": Files.cluster("shop", "1.0.0")])
      await house.worked(revert)
      let end = await house.report(commit, "shop") { $0.phase == .failed }
      #expect(end?.message == "withdrawn by \(revert.prefix(7)) before it was applied")
    }
  }

  @Test("a cluster that goes on while its app is made is judged again before the commit is told of")
  func meanwhile() async throws {
    let api = Mute(obeys: true)
    try await House.open(Files.shops("shop"), wrap: { api.stand(before: $0) }) { house in
      try await house.engine("shop")
      await Self.quiet(house)
      api.whenAppComes {
        _ = try? await house.engine("shop", isSuspended: true)
      }
      let commit = try await house.push(Self.upgrade)
      await house.report(commit, "shop")
      let phases = await house.told.phases[commit]
      #expect(phases == [.pending])
    }
  }
}
