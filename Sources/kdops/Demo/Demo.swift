import Daemon
import Diagnostics
import KubeDirector
import Reports
import Views

/// The steps of the demo: create, upgrade, stalled upgrade, rollback, and the notes in git. The daemon prints
/// its own progress.
struct Demo: Sendable {
  let repository: DemoRepository
  let daemon: Daemon
  let watch: DaemonWatch
  let board: ProgressBoard
  let console: Console
  /// The first commit.
  let beginning: String

  private static let analytics = ObjectReference(
    kind: Wire.clusterKind, namespace: "prod", name: "analytics")
  /// The time limit of each step; much more than a step needs.
  private static let limit = Duration.seconds(60)

  /// Commits and pushes the files before the daemon starts.
  ///
  /// - Returns: The first commit.
  static func begin(_ repository: DemoRepository, _ console: Console) async throws -> String {
    chapter("A repository with five clusters; the daemon follows it", console)
    try await repository.git("add", "--all")
    return try await repository.commit("Three apps, five clusters")
  }

  func play() async throws {
    try await until("all five clusters are configured") { [beginning] watch in
      watch.reports[beginning]?.phase == .done && watch.clusters.count == 5
    }
    try await upgrade()
    try await breakIt()
    try await revert()
    try await showNotes()
  }

  private func upgrade() async throws {
    Self.chapter("An upgrade: the new app and the cluster that names it, in one commit", console)
    let commit = try await repository.apply(
      change: "01-upgrade-spark", message: "Upgrade prod/analytics to Spark 1.1.0")
    console.line(
      "  workers go from the last ordinal to the first, the controller at the same time; the gateway's image is the same"
    )
    if !console.isTerminal {
      try await until("the upgrade is half done") { watch in
        let workers = watch.clusters[Self.analytics]?.role("worker")?.members ?? []
        return workers.contains { $0.upgrade?.done == true }
          && !workers.allSatisfy { $0.upgrade?.done == true }
      }
      await showProgress()
    }
    try await until("prod/analytics runs Spark 1.1.0") { watch in
      watch.reports[commit]?.phase == .done && Self.isAtRest(watch, app: "spark-1.1.0")
    }
  }

  private func breakIt() async throws {
    Self.chapter("Another upgrade, whose image was never pushed", console)
    let commit = try await repository.apply(
      change: "02-bad-tag", message: "Upgrade prod/analytics to Spark 1.2.0")
    try await until("the upgrade is stalled") { watch in
      guard watch.reports[commit]?.phase == .failed, let status = watch.clusters[Self.analytics],
        status.stall != nil
      else { return false }
      return status.roles.filter { $0.upgradeStatus != nil }.allSatisfy { role in
        role.members.contains { $0.detail.waitingReason != nil }
      }
    }
    console.line("  stalled: one pod of each role is down, the others still run Spark 1.1.0")
    await showProgress()
  }

  private func revert() async throws {
    Self.chapter("Rollback: revert the commit while the upgrade runs", console)
    let commit = try await repository.revert()
    console.line("  only changed pods are rolled back, and get --pod_reverted")
    try await until("prod/analytics is back on Spark 1.1.0") { watch in
      watch.reports[commit]?.phase == .done && Self.isAtRest(watch, app: "spark-1.1.0")
    }
  }

  private static func isAtRest(_ watch: isolated DaemonWatch, app: String) -> Bool {
    guard let status = watch.clusters[analytics] else { return false }
    return status.state == .configured && status.app == app
  }

  private func showNotes() async throws {
    Self.chapter("The notes in git", console)
    await daemon.writer.flush()
    if let error = await daemon.writer.state.lastError {
      throw DemoError("the notes could not be written: \(error)")
    }
    try await repository.git("fetch", "--quiet", "origin", "refs/notes/*:refs/notes/*")
    console.line(try await repository.git("log", "--notes=kdops", "-3"))
  }

  // MARK: Output

  private func showProgress() async {
    for line in await board.lines(of: Self.analytics) { console.line("  \(line)", .styled) }
  }

  private static func chapter(_ title: String, _ console: Console) {
    console.line("")
    console.line(console.isColoured ? "\u{1B}[1m── \(title)\u{1B}[0m" : "── \(title)", .styled)
  }

  private func until(
    _ what: String, _ condition: @escaping @Sendable (isolated DaemonWatch) -> Bool
  ) async throws {
    await daemon.reconciler.sync()
    if await watch.wait(atMost: Self.limit, for: condition) { return }
    try Task.checkCancellation()
    let problem = await daemon.reconciler.problem.map { ": \($0)" } ?? ""
    throw DemoError("waited \(Self.limit.components.seconds) s without success until \(what)\(problem)")
  }
}
