import Diagnostics
import KubeDirector
import Manifests
import Testing
import Values

@testable import Rules

/// The judge returns a verdict for any content of files.
@Suite("Hostile files")
struct HostileInputTests {
  private static let oddities: [JSON] = [
    nil, true, 0, -1, 9_223_372_036_854_775_807, .number(1e300), "", "x", "1.0.0", "../..", "\u{0}", "é",
    .string(String(repeating: "a", count: 300)), [], [nil], [[:]], [:], ["id": nil], ["a": ["b": []]],
  ]

  /// Replaces, removes or repeats one value at a random place of a tree.
  private static func mutate(_ value: JSON, using random: inout SplitMix) -> JSON {
    switch value {
    case .object(var members) where !members.isEmpty && Int.random(in: 0..<5, using: &random) > 0:
      let index = Int.random(in: 0..<members.count, using: &random)
      let (key, old) = members[index]
      members[key] = Int.random(in: 0..<8, using: &random) == 0 ? nil : mutate(old, using: &random)
      return .object(members)
    case .array(var items) where !items.isEmpty && Int.random(in: 0..<5, using: &random) > 0:
      let index = Int.random(in: 0..<items.count, using: &random)
      if Int.random(in: 0..<6, using: &random) == 0 {
        items.append(items[index])
      } else {
        items[index] = mutate(items[index], using: &random)
      }
      return .array(items)
    default: return oddities.randomElement(using: &random) ?? nil
    }
  }

  @Test(
    "are evaluated after any change of any value, with and without a schema check before",
    arguments: 1...8 as ClosedRange<UInt64>)
  func mutations(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let originals = try ["a.json": JSON.parse(Fixture.current), "b.json": JSON.parse(Fixture.candidate)]
    let cluster = try #require(
      ManifestFile.parse(path: "c.yaml", bytes: Array(Fixture.cluster.utf8)).documents.first?.json)
    let lives = [
      LiveView.none, .of(.configured), .of(.stalled), .of(.rollingBack, source: LiveView.treeSource),
    ]
    var base = Snapshot()
    for round in 0..<150 {
      var head = Snapshot()
      var unchecked = Snapshot()
      for (path, original) in originals.sorted(by: { $0.key < $1.key }) + [("c.json", cluster)] {
        var changed = original
        for _ in 0..<Int.random(in: 0...3, using: &random) { changed = Self.mutate(changed, using: &random) }
        let text = changed.text()
        head.update(ManifestFile.parse(path: path, bytes: Array(text.utf8)))
        if let app = App(changed) { unchecked.insert(app) }
        if let cluster = Cluster(changed) { unchecked.insert(cluster) }
      }
      let live = lives[round % lives.count]
      for (old, new) in [(base, head), (base, unchecked), (unchecked, head)] {
        let judgement = Judge.judge(JudgeRequest(base: old, head: new, live: live, policy: Policy()))
        #expect(
          judgement.objects.allSatisfy { $0.verdict != .rejected || $0.change != .none }
            || judgement.hasErrors)
        #expect(judgement.findings == judgement.findings.inReportOrder(), "seed \(seed), round \(round)")
      }
      base = head
    }
  }
}
