import ClusterAPI
import KubeDirector
import TestSupport
import Testing

/// Runs a scenario within the limit on parallel scenarios. A failure includes the daemon's log.
///
/// - Parameters:
///   - files: of the first commit; nil for a cluster `shop`.
///   - start: false if the scenario starts its daemons itself.
///   - prunes: whether a daemon on Kubernetes deletes clusters whose file is deleted, and has the permission.
///   - judges: false if requests are refused, by a proxy or for a permission that is granted during the scenario.
func scenario(
  _ fixture: Fixture, _ files: [String: String?]? = nil, start: Bool = true,
  tenancy: KubernetesSite.Tenancy = .own, prunes: Bool = false, judges: Bool = true,
  _ body: (Scene) async throws -> Void
) async throws {
  try await fixture.backend.places.with {
    try await play(fixture, files ?? fixture.shop(), start, tenancy, prunes, judges, body)
  }
}

private func play(
  _ fixture: Fixture, _ files: [String: String?], _ start: Bool, _ tenancy: KubernetesSite.Tenancy,
  _ prunes: Bool, _ judges: Bool, _ body: (Scene) async throws -> Void
) async throws {
  let folder = try TemporaryFolder()
  let kubernetes =
    fixture.backend == .kubernetes ? try await KubernetesSite(fixture, tenancy, prunes: prunes) : nil
  let site: any Site = kubernetes ?? EmbeddedSite(directory: folder.path + "/cluster")
  do {
    let scene = try Scene(fixture, files, on: site, in: folder)
    do {
      if start { try await scene.start() }
      try await body(scene)
    } catch {
      Issue.record("\(error)\n\(await account(of: scene))")
    }
    try await scene.killAll()
    if let kubernetes, judges { kubernetes.settings.judge(scene.logs) }
  } catch {
    await site.close()
    throw error
  }
  await site.close()
}

/// The details that explain a failure.
private func account(of scene: Scene) async -> String {
  let status = (try? await scene.cluster())?.json["status"]?.text() ?? "none"
  let commits = (try? scene.forge.user.git("rev-list", "main").split(separator: "\n").prefix(4)) ?? []
  let notes = commits.map { "\($0.prefix(7)): \(scene.forge.note(String($0))?.text ?? "no note")" }
  let logs = scene.logs.map { log in
    log.split(separator: "\n").filter { line in
      !["event=request ", "event=watch.cut "].contains { line.contains($0) }
    }.suffix(60).joined(separator: "\n")
  }
  return "--- notes\n\(notes.joined(separator: "\n"))\n--- status of shop\n\(status)\n"
    + logs.map { "--- log\n\($0)\n" }.joined()
}
