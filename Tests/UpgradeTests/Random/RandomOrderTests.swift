import FoundationEssentials
import Testing

@Suite("Random orders of events")
struct RandomOrderTests {
  /// `KDOPS_RUNS` is the number of runs, `KDOPS_SEED` the first seed. A seed alone means a single run.
  static let seeds: Range<UInt64> = {
    let environment = ProcessInfo.processInfo.environment
    let first = environment["KDOPS_SEED"].flatMap(UInt64.init)
    let runs = environment["KDOPS_RUNS"].flatMap(UInt64.init) ?? (first == nil ? 10_000 : 1)
    return (first ?? 1)..<((first ?? 1) + runs)
  }()

  @Test("end in the desired state without touching any pod unnecessarily")
  func anyOrder() async throws {
    let parts: UInt64 = 4
    let tally = await withTaskGroup(of: Tally.self) { group in
      for part in 0..<parts {
        group.addTask { Self.live(Self.seeds.filter { $0 % parts == part }) }
      }
      return await group.reduce(into: Tally()) { $0.add($1) }
    }
    print("\(tally.summary)\n  seeds \(Self.seeds.lowerBound) to \(Self.seeds.upperBound - 1)")
    if let seed = tally.broken.min() {
      let seeds = tally.broken.sorted().prefix(20).map(String.init).joined(separator: " ")
      Issue.record("\(tally.broken.count) runs went wrong, seeds \(seeds). \(Self.story(of: seed))")
    }
    if Self.seeds.count >= 1000 { Self.expectEverything(in: tally) }
  }

  private static func live(_ seeds: [UInt64]) -> Tally {
    seeds.reduce(into: Tally()) { tally, seed in
      let stage = RandomOrder(seed: seed).lived()
      tally.add(stage.observer.tally)
      if !stage.violations.isEmpty { tally.broken.append(seed) }
    }
  }

  /// A run in which some kind of event never occurs would not test it.
  private static func expectEverything(in tally: Tally) {
    let events = [
      "progress", "stale view", "daemon killed", "second daemon", "stale daemon", "crash", "pod deleted",
      "pull error that heals", "image missing", "script fails once", "script fails always", "node slow",
      "not ready", "budget", "commit", "suspended", "resize", "retry", "connection", "role",
      "new version of the daemon",
    ]
    #expect(Set(tally.events.keys) == Set(events))
    #expect(Set(tally.ends.keys).isSuperset(of: ["configured", "ConfigError", "ErrImagePull"]))
    #expect(Set(tally.stalls.keys).isSuperset(of: ["ConfigError", "ErrImagePull", "CrashLoopBackOff"]))
    #expect(
      Set(tally.deletedPods.keys) == [
        "at rest", "in a role that stays", "in hand", "upgraded or reverted", "waiting for its turn",
      ])
    #expect(Set(tally.claims.keys) == ["within a budget", "in a later stage"])
    #expect(
      Set(tally.words.keys) == [
        "addnodes", "delnodes", "reconnect", "role_upgraded", "role_reverted", "cluster_upgraded",
        "cluster_reverted",
      ])
    #expect(tally.refusals > 0)
    #expect(tally.upgradesEnded > 0)
    #expect(tally.rollbacksEnded > 0)
  }

  /// The violation in as few events as possible, and how to reproduce it.
  static func story(of seed: UInt64) -> String {
    let life = RandomOrder(seed: seed).life.shortest { !$0.lived().violations.isEmpty }
    let stage = life.lived(isRecording: true)
    return """
      The first comes down to this; run it again with
      KDOPS_SEED=\(seed) swift test --filter RandomOrderTests

      \(life.setup.words)

      \(stage.transcript.joined(separator: "\n"))
      """
  }

  @Test("are the same for the same seed")
  func repeatable() {
    #expect(RandomOrder(seed: 5).life.events == RandomOrder(seed: 5).life.events)
    #expect(RandomOrder(seed: 5).lived().status == RandomOrder(seed: 5).lived().status)
  }

  @Test("are shortened to the events that matter")
  func shortened() throws {
    func isRolledBack(_ life: RandomLife) -> Bool { life.lived().observer.tally.rollbacksEnded > 0 }
    let life = try #require((1...200).lazy.map { RandomOrder(seed: $0).life }.first(where: isRolledBack))
    let short = life.shortest(isRolledBack)
    #expect(short.setup.roles.map(\.members) == [1])
    #expect(short.events.count <= 4)
    #expect(short.events.contains { [.commit("app-1.1"), .commit("app-1.2")].contains($0) })
  }
}
