import Diagnostics
import Foundation
import KubeDirector
import Manifests
import Testing

@testable import Rules

/// Files of users: the sample repository, and the public example catalog if it is available.
@Suite("Existing files")
struct ExistingFilesTests {
  private static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let catalog = root.deletingLastPathComponent().appending(path: "shared/kubedirector-examples")
  static let sample = root.appending(path: "sample-repo")
  static func exists(_ folder: URL) -> Bool { FileManager.default.fileExists(atPath: folder.path) }

  private static func files(in folder: URL, below parts: [String]) throws -> [String: String] {
    var found: [String: String] = [:]
    for part in parts {
      let top = folder.appending(path: part)
      for path in try FileManager.default.subpathsOfDirectory(atPath: top.path) {
        guard [".json", ".yaml", ".yml"].contains(where: path.hasSuffix) else { continue }
        found["\(part)/\(path)"] = try String(contentsOf: top.appending(path: path), encoding: .utf8)
      }
    }
    return found
  }

  /// All of these findings are correct: every version there has two parts (`3.2`), and the two Spark files,
  /// with and without storage, are meant to be tried one after the other and have the same name.
  @Test(
    "of the public example catalog are reported for non-semantic versions and one duplicate name",
    .enabled(if: exists(catalog)))
  func examples() throws {
    let files = try Self.files(in: Self.catalog, below: ["apps", "clusters"])
    let judgement = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files)))
    let versions = judgement.findings.filter { $0.rule == "app/semver" }
    #expect(versions.count == 10 && versions.allSatisfy { $0.severity == .warning })
    let others = judgement.findings.filter { $0.rule != "app/semver" && $0.rule != "app/not-carried" }
    #expect(others.map(\.rule) == ["object/duplicate"])
    #expect(others.first?.object == .cluster("default", "spark245-instance"))
    #expect(
      others.first?.location
        == SourceLocation(file: "clusters/cr-cluster-spark245.yaml", line: 15, column: 9, length: 19))
    let accepted = judgement.objects.filter { $0.verdict == .accepted }
    #expect(accepted.count == judgement.objects.count - 1)
  }

  @Test(
    "of the public example catalog are reported once for each app and field that no pod gets",
    .enabled(if: exists(catalog)))
  func notCarried() throws {
    let files = try Self.files(in: Self.catalog, below: ["apps", "clusters"])
    let judgement = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files)))
    let found = judgement.findings.filter { $0.rule.hasSuffix("/not-carried") }
    #expect(found.allSatisfy { $0.severity == .warning && $0.rule == "app/not-carried" })
    // All ten request systemd.
    #expect(found.count { $0.message.hasPrefix("`systemdRequired`") } == 10)
    #expect(found.count == 10)
  }

  @Test(
    "of the public example catalog lose only capabilities and Secrets if nothing is listed as allowed",
    .enabled(if: exists(catalog)))
  func tenancy() throws {
    let files = try Self.files(in: Self.catalog, below: ["apps", "clusters"])
    let judgement = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files), policy: Policy()))
    let found = judgement.findings.filter { $0.rule == "cluster/tenancy" }
    let settings = Set(
      Tenancy.Setting.allCases.filter { one in found.contains { $0.hint?.contains(one.key) == true } })
    #expect(settings == [.capabilities, .secretPrefix])
  }

  @Test("of the sample repository have no findings", .enabled(if: exists(sample)))
  func sampleIsSound() throws {
    let files = try Self.files(in: Self.sample, below: ["apps", "clusters"])
    let judgement = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files), policy: Policy()))
    #expect(judgement.findings.isEmpty, "\(judgement.findings)")
    #expect(judgement.objects.allSatisfy { $0.verdict == .accepted })
  }

  @Test("of the template for an app have no findings", .enabled(if: exists(sample)))
  func templateIsSound() throws {
    let files = try Self.files(in: Self.sample.appending(path: "template"), below: ["apps", "clusters"])
    let judgement = Judge.judge(JudgeRequest(head: ExampleRunner.snapshot(files), policy: Policy()))
    #expect(judgement.findings.isEmpty, "\(judgement.findings)")
    #expect(judgement.objects.allSatisfy { $0.verdict == .accepted })
  }

  @Test(
    "of the sample repository include changes that are all accepted as upgrades",
    .enabled(if: exists(sample)))
  func sampleChanges() throws {
    let base = try Self.files(in: Self.sample, below: ["apps", "clusters"])
    let changes = Self.sample.appending(path: "changes")
    for name in try FileManager.default.contentsOfDirectory(atPath: changes.path).sorted() {
      let edits = try Self.files(in: changes.appending(path: name), below: ["apps", "clusters"])
      let judgement = Judge.judge(
        JudgeRequest(
          base: ExampleRunner.snapshot(base),
          head: ExampleRunner.snapshot(base.merging(edits) { _, new in new })))
      let kinds = judgement.objects.filter { $0.change != .none }.map { $0.change }
      #expect(kinds.filter { $0 == .upgrade }.count == 1, "\(name): \(judgement.objects)")
      #expect(!judgement.hasErrors, "\(name): \(judgement.findings)")
    }
  }
}
