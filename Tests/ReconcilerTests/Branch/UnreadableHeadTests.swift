import ClusterAPI
import KubeDirector
import TestSupport
import Testing

@testable import Reconciler

@Suite("An unreadable head", .timeLimit(.minutes(10)))
struct UnreadableHeadTests {
  /// Ways in which a folder of clusters can be unreadable.
  enum UnreadableFolder: CaseIterable {
    case bomb, twofold
  }

  private static func commit(_ rubbish: UnreadableFolder, by user: TemporaryRepository) throws -> String {
    let folder =
      switch rubbish {
      case .bomb: try user.bomb()
      case .twofold: try user.twofold()
      }
    let commit = try user.commit(folder: "clusters", folder)
    try user.push()
    return commit
  }

  @Test(
    "is rejected with a reason: applied state stays, and the next commit is followed",
    arguments: UnreadableFolder.allCases)
  func refused(rubbish: UnreadableFolder) async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      try await fixture.engine("shop")
      let bad = try Self.commit(rubbish, by: fixture.user)
      await fixture.reconciler.sync()
      let short = String(bad.prefix(7))
      let report = await fixture.report(bad, short)
      #expect(report?.kind == "Commit" && report?.verdict == .rejected)
      #expect(report?.rules == [rubbish == .bomb ? "file/limit" : "file/tree"])
      #expect(report?.message?.hasPrefix("clusters") == true, "\(report?.message ?? "")")
      #expect(report?.message?.contains("stays applied") == true)
      #expect(await fixture.object(.clusters, "shop") != nil)

      // Drift is corrected meanwhile.
      try await fixture.patch("shop", ["spec": ["app": "web-9.9.9"]])
      await fixture.cluster("shop") { $0.json["spec"]?["app"]?.string == "web-1.0.0" }

      let good = try await fixture.push(["clusters/other.yaml": Files.cluster("other", "1.0.0")])
      await fixture.cluster("other")
      #expect(await fixture.object(.clusters, "other") != nil)
      #expect(try fixture.user.head() == good)
    }
  }

  @Test("is rejected if its files have too many values in total, until values are removed")
  func manyValues() async throws {
    try await ReconcilerFixture.open(Files.shops("shop")) { fixture in
      let values = String(repeating: "1,", count: 99_900) + "1"
      var files: [String: String?] = [:]
      for number in 0..<21 {
        files["apps/heavy-\(number).json"] = Files.app("2.0.\(number)")
          .replacing(#""spec": {"#, with: #""spec": {"values": [\#(values)], "#)
      }
      let bad = try await fixture.push(files)
      let report = await fixture.report(bad, String(bad.prefix(7)))
      #expect(report?.rules == ["file/limit"])
      #expect(await fixture.object(.apps, "web-2.0.0") == nil)
      for number in 0..<20 { files["apps/heavy-\(number).json"] = .some(nil) }
      _ = try await fixture.push(files)
      #expect(await until { await fixture.object(.apps, "web-2.0.20") } != nil)
    }
  }

  @Test("ends a converge-once run", arguments: UnreadableFolder.allCases)
  func once(rubbish: UnreadableFolder) async throws {
    let site = try Site()
    try site.user.commit(Files.shops("shop").mapValues { $0 })
    _ = try Self.commit(rubbish, by: site.user)
    try await ReconcilerFixture.open(at: site, once: true) { fixture in
      let outcome = await until { await fixture.recorder.outcome }
      #expect(outcome == .unsettled(rejected: 1, failed: 1, waiting: 0))
    }
  }
}
