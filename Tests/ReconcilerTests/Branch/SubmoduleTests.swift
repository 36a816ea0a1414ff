import ClusterAPI
import FoundationEssentials
import Reports
import Rules
import TestSupport
import Testing

@testable import Reconciler

@Suite("Submodules", .timeLimit(.minutes(10)))
struct SubmoduleTests {
  private static let names = ["shop", "depot", "mart"]

  @Test(
    "are an error in place of a file or folder: they are never read, and no object counts as deleted",
    arguments: ["clusters/shop.yaml", "clusters"])
  func place(path: String) async throws {
    let folder = try TemporaryFolder()
    let trace = "\(folder.path)/trace"
    let settings = Reconciler.Settings(policy: Policy(prune: true))
    try await ReconcilerFixture.open(Files.shops("shop", "depot", "mart"), settings: settings) { fixture in
      for name in Self.names { try await fixture.engine(name) }
      let user = fixture.user
      try user.git("rm", "-r", "--quiet", path)
      try user.write([
        ".gitmodules": "[submodule \"../../x\"]\n\tpath = ../../\(path)\n\turl = ext::touch% \(trace)\n"
          + "[submodule \"y\"]\n\tpath = \(path)\n\turl = -u./trace\n\tupdate = !touch \(trace)\n"
      ])
      try user.git("add", ".gitmodules")
      try user.git(
        "update-index", "--add", "--cacheinfo", "160000,\(String(repeating: "1", count: 40)),\(path)")
      try user.git("commit", "--quiet", "--message", "Use a submodule")
      try user.push()
      await fixture.reconciler.sync()
      let commit = try user.head()
      let report = await fixture.report(commit, path)
      #expect(report?.rules == ["file/link"])
      #expect(report?.message?.contains("\(path) is a submodule, which is never read") == true)
      await fixture.reconciled(commit)
      for name in Self.names { #expect(await fixture.object(.clusters, name) != nil) }
      #expect(!FileManager.default.fileExists(atPath: trace))
    }
  }
}
