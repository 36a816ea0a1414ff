import Diagnostics
import KubeDirector
import Reports
import TestSupport
import Testing

@testable import Views

@Suite("Blocked changes as text")
struct BlockedChangeTextTests {
  private static let commit = "4f2c9ab0c1d2e3f405162738495a6b7c8d9e0f10"
  private static let held = BlockedChangeList(changes: [
    BlockedChange(
      commit: commit, object: ObjectReference(kind: "Commit", namespace: "", name: "4f2c9ab"),
      verdict: .rejected, rules: ["commit/signature"],
      message:
        "4f2c9ab is not signed; sign it with a key in /etc/kdops/signers (git commit --amend --no-edit -S), or an "
        + "administrator lets it pass: kdops sync --accept 4f2c9ab"),
    BlockedChange(
      commit: commit, object: .cluster("prod", "ledger"), verdict: .waiting, rules: ["object/prune"],
      message: "cluster prod/ledger is kept: this would delete 2 of 3 clusters at once; confirm it"),
    BlockedChange(
      commit: commit, object: ObjectReference(kind: "File", namespace: "", name: "clusters/a.yaml"),
      verdict: .rejected, rules: ["file/syntax"], message: "line 3, column 1: no YAML"),
  ])

  @Test(
    "a blocked change has its name, and below it the reason and the fix, complete on a narrow screen",
    arguments: [120, 50])
  func text(width: Int) throws {
    let text = BlockedChangeText(width: width).lines(Self.held).joined(separator: "\n") + "\n"
    #expect(try text == Golden.stored("held-\(width).txt", recording: text))
    #expect(BlockedChangeText().lines(BlockedChangeList()).isEmpty)
  }

  @Test("changes beyond the height are counted")
  func height() {
    let rest = BlockedChangeText(width: 120, height: 4).lines(Self.held)
    #expect(rest.count <= 4 && rest.last == "… and 2 more blocked: see kdops status")
    #expect(BlockedChangeText(height: 1).lines(Self.held) == ["3 blocked: see kdops status"])
    #expect(
      BlockedChangeText(width: 120).lines(BlockedChangeList(changes: [Self.held.changes[1]], omitted: 7)).last
        == "… and 7 more blocked: see kdops status")
  }

  @Test("for one cluster it shows its own blocked changes, and those that block every cluster")
  func concerns() {
    let ledger = ObjectReference.cluster("prod", "ledger")
    #expect(Self.held.changes.filter { $0.concerns(ledger) }.count == 3)
    #expect(
      Self.held.changes.filter { $0.concerns(.cluster("prod", "other")) }.map(\.rules) == [
        ["commit/signature"], ["file/syntax"],
      ])
  }
}
