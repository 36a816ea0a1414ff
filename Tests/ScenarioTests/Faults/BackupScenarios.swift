import Foundation
import KubeDirector
import TestSupport
import Testing

/// The package cannot be copied before the new one is installed: the volume accepts no new files there.
@Suite("An upgrade whose package backup fails", needsBubblewrap, SealedFolder.isPossible)
struct BackupScenarios {
  private static let member = "shop-worker-1"
  private static let places = "opt/guestconfig"

  @Test(
    "stalls its role with a reason, keeps the old package, and repeats the backup on request",
    arguments: Backend.available)
  func retried(_ backend: Backend) async throws {
    try await scenario(Fixture(backend, workers: 2)) { scene in
      let (seal, commit, before) = try await fail(scene)
      try seal.undo()
      let shop = "\(scene.name("shop"))"
      #expect(try await scene.kdops("retry", shop).contains("what failed in \(Self.member) is run again"))
      try await scene.note(commit, phase: "done")
      try await scene.configured("1.1.0")
      #expect(try await scene.events(Self.member) == ["configure 1.0", "pod_upgraded 1.1"])
      #expect(try await scene.pods()["shop-gateway-0"] == before["shop-gateway-0"])
      // The copy is deleted when the upgrade ends.
      try await scene.eventually("removal of the copy") { seal.names.isEmpty ? true : nil }
    }
  }

  @Test(
    "does not block a revert: the pod returns to the package that it still has",
    arguments: Backend.available)
  func reverted(_ backend: Backend) async throws {
    try await scenario(Fixture(backend, workers: 2)) { scene in
      let (seal, commit, before) = try await fail(scene)
      let revert = try scene.forge.revert(commit)
      try await scene.note(revert, phase: "done")
      try await scene.configured("1.0.0")
      try seal.undo()
      #expect(try await scene.events(Self.member) == ["configure 1.0", "pod_reverted 1.0"])
      let after = try await scene.pods()
      for pod in ["shop-worker-0", "shop-gateway-0"] { #expect(after[pod] == before[pod], "\(pod)") }
    }
  }

  /// Upgrades a cluster whose last worker cannot store the copy, and waits until that is reported.
  ///
  /// - Returns: what prevents the copy, the commit of the upgrade, and the pods before it.
  private func fail(_ scene: Scene) async throws -> (SealedFolder, String, [String: PodSight]) {
    try await scene.configured("1.0.0")
    let before = try await scene.pods()
    let volume = try await scene.site.volume(of: scene.name(Self.member))
    let seal = try SealedFolder("\(volume)/\(Self.places).backup")
    let commit = try scene.forge.push(scene.fixture.upgrade(), "Upgrade shop")
    let stuck = try await scene.note(commit, "stuck") { $0.phase == "failed" }
    let message = try #require(stuck.object("shop")?.message)
    #expect(message.contains(Self.member) && message.contains("package"), "\(message)")
    #expect(message.contains("revert commit \(commit.prefix(7))"))
    // The other role is not affected.
    try await scene.eventually("front that is done") {
      try await scene.events("shop-front-0") == ["pod_upgraded 1.1"] ? true : nil
    }
    try await staying(for: .seconds(3), "no script, no second try, and no other pod touched") {
      let pods = try await scene.pods()
      let member = try await scene.status()?.members.first { $0.pod == Self.member }
      return try await scene.events(Self.member) == ["configure 1.0"]
        && member?.state == .configError && pods["shop-worker-0"] == before["shop-worker-0"]
    }
    let script = "\(volume)/\(Self.places)/appconfig/startscript"
    #expect(FileManager.default.fileExists(atPath: script), "the old package is gone")
    #expect(seal.names.isEmpty)
    return (seal, commit, before)
  }
}
