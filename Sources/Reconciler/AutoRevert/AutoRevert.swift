import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Reports
import Rules
import Values

/// The result of an automatic revert.
struct AutoRevertResult: Hashable {
  /// The commit that asked for the upgrade.
  var commit: ObjectID
  /// Why the revert failed; nil if the reverting commit was pushed.
  var obstacle: String?
}

// Auto revert, `onStall: revert-commit`: the daemon itself pushes the commit that restores a stalled cluster's file.
// The daemon that fetches this commit carries it out as an ordinary rollback.
extension Reconciler {
  /// Reverts upgrades that have been stalled longer than the deadline, one cluster after another.
  func revertStalledUpgrades(in repository: GitRepository) async {
    guard let rule = settings.autoRevert else { return }
    for reference in stalled.sorted() {
      guard !Task.isCancelled, let live = liveState.objects[reference], stamp.holds(live.json),
        !drifted.contains(reference), rule.leads()
      else { continue }
      let due = StalledUpgrade.due(
        live, deadline: Int(rule.deadline.components.seconds), noReturn: noReturn(reference, live),
        now: rule.now())
      switch due {
      case .never: continue
      case .later(let seconds): enqueue(after: .seconds(seconds))
      case .now(let upgrade): await takeBack(upgrade, rule, in: repository)
      }
    }
  }

  /// The roles with a point of no return, as the new app declares them.
  func noReturn(_ cluster: ObjectReference, _ live: Object) -> Set<String> {
    guard let app = live.json["spec"]?["app"]?.string else { return [] }
    let places =
      liveState.status(of: cluster)?.appCatalog == .system
      ? [settings.policy.systemNamespace] : [cluster.namespace, settings.policy.systemNamespace]
    let found = places.lazy.compactMap { self.liveState.objects[.app($0, app)] }.first
    return ClusterStatus.roles(named: found?.annotation(Wire.Annotation.pointOfNoReturn))
  }

  private func takeBack(
    _ upgrade: StalledUpgrade, _ rule: AutoRevert, in repository: GitRepository
  ) async {
    guard autoReverts[upgrade.cluster]?.commit != upgrade.commit else { return }
    // Revert only on top of a head that is fully judged for this cluster and has no unverified commits. Other objects
    // that are not judged yet do not delay the revert.
    guard let head = desired.head, head == fetched, signatureGate?.unverified == nil, refused == nil,
      !toJudge.objects.contains(upgrade.cluster), !toJudge.files.contains(ExactString(upgrade.origin.path)),
      ledger.candidate(of: upgrade.cluster) == nil
    else { return }
    do {
      guard let file = try await restored(upgrade, at: head, in: repository) else {
        let (short, path) = (upgrade.commit.short, upgrade.origin.path)
        return await give(
          up: upgrade,
          "\(path) was changed since, or contains other changes; revert \(short) for it by hand")
      }
      let subject = await subject(of: upgrade.commit, in: repository)
      let commit = try await mirror.pushCommit(
        to: settings.branch, onto: head, [upgrade.origin.path: file],
        message: upgrade.message(subject, deadline: rule.deadline),
        author: Signature(name: rule.author.name, email: rule.author.email, seconds: Int64(rule.now()))
      ) { [stamp] (text) throws(GitError) in try await rule.sealed(text, stamp) }
      autoReverts[upgrade.cluster] = AutoRevertResult(commit: upgrade.commit)
      logger.notice(
        "upgrade.revert-pushed",
        metadata: [
          "cluster": "\(upgrade.cluster)", "takesBack": "\(upgrade.commit.short)",
          "commit": "\(commit.short)", "reason": "\(upgrade.message)",
        ])
      if let live = liveState.objects[upgrade.cluster] { await delegate.reverted(live, commit) }
      sync()
    } catch let error as GitError {
      await failed(upgrade, error)
    } catch {
      isRetrying = true
    }
  }

  private func failed(_ upgrade: StalledUpgrade, _ error: GitError) async {
    switch error.kind {
    case .conflict:
      // Another commit was pushed first; reconcile it before the next attempt.
      sync()
    case .unreachable, .timeout, .cancelled:
      isRetrying = true
      logger.warning(
        "upgrade.revert-failed", metadata: ["cluster": "\(upgrade.cluster)", "error": "\(error)"])
    case .tooLarge, .malformed: await give(up: upgrade, "\(error.message); revert manually")
    case .invalid:
      await give(up: upgrade, "\(error.message); fix that and restart the daemon, or revert manually")
    default:
      await give(
        up: upgrade,
        "\(error.message); let the daemon's account push to \(settings.branch), or revert manually")
    }
  }

  /// Reports why a person has to revert the upgrade, and does not try again for this commit.
  private func give(up upgrade: StalledUpgrade, _ words: String) async {
    autoReverts[upgrade.cluster] = AutoRevertResult(commit: upgrade.commit, obstacle: words)
    logger.warning(
      "upgrade.revert-refused",
      metadata: [
        "cluster": "\(upgrade.cluster)", "takesBack": "\(upgrade.commit.short)", "reason": "\(words)",
      ])
    dirtyClusters.insert(upgrade.cluster)
    enqueue()
  }

  /// The file with the cluster as it was before the upgrade; nil if the file was changed since, or if the revert would
  /// change more than the app.
  private func restored(
    _ upgrade: StalledUpgrade, at head: ObjectID, in repository: GitRepository
  ) async throws -> [UInt8]? {
    let path = upgrade.origin.path
    guard let present = desired.blob(at: path), present.hex == upgrade.origin.blob,
      (desired.source(of: upgrade.cluster)?.path).isExactly(path)
    else { return nil }
    let versions = try await versions(of: path, from: head, limit: 20, in: repository)
    if versions.isEmpty { throw Self.unknownHistory(of: path) }
    guard versions.first?.commit == upgrade.commit, versions.first?.blob == present else { return nil }
    let bytes = try await repository.blob(present, limit: ManifestLimits.standard.bytes)
    guard let now = desired.document(of: upgrade.cluster, path: path, in: bytes) else { return nil }
    var wanted = now
    wanted["spec"]?["app"] = .string(upgrade.fromApp)
    for (steps, version) in versions.enumerated().dropFirst() {
      guard let blob = version.blob else { return nil }
      let old = try await repository.blob(blob, limit: ManifestLimits.standard.bytes)
      guard let document = desired.document(of: upgrade.cluster, path: path, in: old) else { return nil }
      // Labels may have changed with the app, but only by the same commit.
      let isBefore = steps == 1 ? document["spec"] == wanted["spec"] : document == wanted
      guard isBefore else { continue }
      return FileRestoration(
        object: upgrade.cluster, path: path, defaultNamespace: desired.layout.defaultNamespace
      ).content(of: bytes, as: old)
    }
    if versions.last?.mayBeOlder == true { throw Self.unknownHistory(of: path) }
    return nil
  }

  private static func unknownHistory(of path: String) -> GitError {
    GitError(
      .tooLarge,
      "the version of \(path) before the upgrade was not found in the part of the history that is read")
  }

  /// The text to add to the report of a stall that this daemon could not revert.
  func obstacle(_ cluster: ObjectReference, _ commit: ObjectID?) -> String? {
    guard let taken = autoReverts[cluster], taken.commit == commit else { return nil }
    return taken.obstacle.map { "the daemon cannot revert it automatically: \($0)" }
  }
}
