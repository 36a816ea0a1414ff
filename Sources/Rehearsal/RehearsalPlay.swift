import ClusterAPI
import Daemon
import Diagnostics
import KubeDirector
import Reports
import Values

/// Runs one act: commits, waits for the result, and reverts in the middle if requested.
struct RehearsalPlay: Sendable {
  let act: RehearsalAct
  let repository: RehearsalRepository
  let daemon: Daemon
  let watch: DaemonWatch
  let recorder: TimelineRecorder
  /// The time limit of each step.
  let limit: Duration

  /// - Returns: The failures, in the order of the clusters.
  func run(_ beginning: String) async throws -> [RehearsalFailure] {
    let existing = act.subjects.filter { $0.origin != nil }
    let unready = try await settle(existing, at: beginning, "reach its state at the base") {
      $0.origin?.spec.app
    }
    guard unready.isEmpty else { return unready }
    let goal = try await act.commit(true, "Target state", to: repository)
    await daemon.reconciler.sync()
    switch act.kind {
    case .forward:
      return try await settle(act.subjects, at: goal, "reach the target app") { $0.goal.spec.app }
    case .back: return try await rollBackFromMiddle(goal)
    }
  }

  // MARK: Waiting

  private enum Ending: Sendable {
    case reached
    case stalled(ClusterStatus)
    case rejected(String)
    case timedOut(ClusterStatus?)
  }

  /// Waits until every cluster has reached its target, or does not progress any more.
  private func settle(
    _ subjects: [RehearsalSubject], at commit: String, _ aim: String,
    app: @escaping @Sendable (RehearsalSubject) -> String?
  ) async throws -> [RehearsalFailure] {
    await daemon.reconciler.sync()
    let failures = await withTaskGroup(of: (Int, RehearsalFailure?).self) { group in
      for (index, subject) in subjects.enumerated() {
        group.addTask {
          let ending = await ending(of: subject.cluster, at: commit, app: app(subject) ?? "")
          return (index, failure(ending, subject, aim))
        }
      }
      var found: [(Int, RehearsalFailure)] = []
      for await (index, failure) in group { if let failure { found.append((index, failure)) } }
      return found.sorted { $0.0 < $1.0 }.map(\.1)
    }
    try Task.checkCancellation()
    return failures
  }

  private func ending(of cluster: ObjectReference, at commit: String, app: String) async -> Ending {
    let hasEnded = await watch.wait(atMost: limit) { watch in
      Self.ending(cluster, at: commit, app: app, watch) != nil
    }
    guard hasEnded, let ending = await ending(cluster, at: commit, app: app) else {
      return .timedOut(await watch.clusters[cluster])
    }
    return ending
  }

  private func ending(_ cluster: ObjectReference, at commit: String, app: String) async -> Ending? {
    await Self.ending(cluster, at: commit, app: app, watch)
  }

  private static func ending(
    _ cluster: ObjectReference, at commit: String, app: String, _ watch: isolated DaemonWatch
  ) -> Ending? {
    let report = watch.reports[commit]?.objects.first { $0.reference == cluster }
    if report?.verdict == .rejected { return .rejected(report?.message ?? "it was rejected") }
    guard let status = watch.clusters[cluster] else { return nil }
    let isAtRest = status.state == .configured && status.upgradeInfo == nil && status.app == app
    if isAtRest, status.specCommit == commit { return .reached }
    // An older stall does not belong to this commit.
    return status.stall != nil && status.specCommit == commit ? .stalled(status) : nil
  }

  private func failure(_ ending: Ending, _ subject: RehearsalSubject, _ aim: String) -> RehearsalFailure? {
    switch ending {
    case .reached: return nil
    case .rejected(let reason): return RehearsalFailure(cluster: subject.cluster, message: reason)
    case .stalled(let status): return StallExplanation.failure(of: subject, status)
    case .timedOut(let status):
      let seconds = limit.components.seconds
      let progress = status?.condition(.progressing)?.message ?? ""
      return RehearsalFailure(
        cluster: subject.cluster,
        message: "\(subject.cluster) did not \(aim) within \(seconds) s"
          + (progress.isEmpty ? "" : " (\(progress))"),
        hint: "allow more time with --timeout, or use --keep and check what its pods wait for")
    }
  }

  // MARK: Rollback from the middle

  /// Suspends every cluster in the middle, reverts the commit, and resumes the clusters.
  private func rollBackFromMiddle(_ goal: String) async throws -> [RehearsalFailure] {
    var late: [RehearsalFailure] = []
    await withTaskGroup(of: RehearsalFailure?.self) { group in
      for subject in act.subjects { group.addTask { await halt(subject, goal) } }
      for await failure in group { if let failure { late.append(failure) } }
    }
    try Task.checkCancellation()
    let turned = act.subjects.filter { subject in !late.contains { $0.cluster == subject.cluster } }
    guard !turned.isEmpty else { return late }
    let revert = try await act.commit(false, "Revert: target state", to: repository)
    await daemon.reconciler.sync()
    for subject in turned {
      // Resume only when the engine knows the new target.
      _ = await watch.wait(atMost: limit) { $0.reports[revert] != nil }
      try await suspend(subject, false)
    }
    let failures = try await settle(turned, at: revert, "roll back") { $0.origin?.spec.app }
    var unnotified: [RehearsalFailure] = []
    for subject in turned where !failures.contains(where: { $0.cluster == subject.cluster }) {
      if let failure = await missingNotification(subject) { unnotified.append(failure) }
    }
    return (late + failures + unnotified).sorted { $0.cluster < $1.cluster }
  }

  /// Waits until half of the pods are done, the last ones are in progress, or nothing progresses, and then
  /// suspends the cluster. If all pods are in progress at once, they may all finish at the same moment.
  private func halt(_ subject: RehearsalSubject, _ goal: String) async -> RehearsalFailure? {
    let cluster = subject.cluster
    let replaced = subject.forecast?.replaced ?? 0
    let isThere = await watch.wait(atMost: limit) { watch in
      if Self.ending(cluster, at: goal, app: subject.goal.spec.app, watch) != nil { return true }
      guard let status = watch.clusters[cluster], let info = status.upgradeInfo else { return false }
      let touched = status.members.filter { $0.upgrade?.id == info.id }
      let done = touched.count { $0.upgrade?.done == true }
      return !touched.isEmpty && (done >= replaced / 2 || touched.count >= replaced)
    }
    try? await suspend(subject, true)
    if isThere, await watch.clusters[cluster]?.upgradeInfo != nil { return nil }
    if case .rejected(let reason)? = await ending(cluster, at: goal, app: subject.goal.spec.app) {
      return RehearsalFailure(cluster: cluster, message: reason)
    }
    return RehearsalFailure(
      cluster: cluster,
      message: isThere
        ? "the upgrade of \(cluster) finished before it could be rolled back"
        : "the upgrade of \(cluster) was not half done within \(limit.components.seconds) s",
      hint: isThere ? "make the image start slower: `start: 1s` under embedded.images in .kdops.yaml" : nil)
  }

  private func suspend(_ subject: RehearsalSubject, _ isSuspended: Bool) async throws {
    let value: JSON = isSuspended ? "true" : .null
    _ = try await daemon.backend.api.patch(
      .clusters, ObjectName(namespace: subject.cluster.namespace, name: subject.cluster.name),
      merge: ["metadata": ["annotations": [Wire.Annotation.suspend: value]]])
  }

  /// Every replaced pod of a role that subscribes to `pod_reverted` must have received it.
  private func missingNotification(_ subject: RehearsalSubject) async -> RehearsalFailure? {
    let timeline = await recorder.timeline
    let app = subject.origin?.spec.app ?? ""
    let listeners = await watch.clusters[subject.cluster]?.roles.filter {
      subject.subscribes(.podReverted, role: $0.id, app: app)
    }
    let pods = Set((listeners ?? []).flatMap(\.members).map(\.pod))
    let missing = timeline.replaced(in: subject.cluster).intersection(pods)
      .subtracting(timeline.notified(.podReverted, in: subject.cluster))
    guard !missing.isEmpty else { return nil }
    return RehearsalFailure(
      cluster: subject.cluster,
      message:
        "\(missing.sorted().joined(separator: ", ")) was rolled back without the notification --pod_reverted",
      hint: "this is a bug in kdops and not in the app; please report it")
  }
}
