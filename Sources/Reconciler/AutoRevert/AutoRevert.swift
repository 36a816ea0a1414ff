import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Reports
import Rules
import Values

// Auto revert, `onStall: revert-commit`: the daemon itself pushes the commit that restores a stalled cluster's file.
// The daemon that fetches this commit carries it out as an ordinary rollback.
extension Reconciler {
  /// Reverts upgrades that have been stalled longer than the deadline, one cluster after another.
  func revertStalledUpgrades() async -> Requeue {
    guard let rule = settings.autoRevert else { return .none }
    var requeue = Requeue.none
    for reference in reverts.stalled.sorted() {
      guard !Task.isCancelled, let live = liveState.objects[reference], stamp.holds(live.json),
        !drift.drifted.contains(reference), rule.leads()
      else { continue }
      let due = StalledUpgrade.due(
        live, deadline: Int(rule.deadline.components.seconds), noReturn: rolesWithoutReturn(reference, live),
        now: rule.now())
      switch due {
      case .never: continue
      case .later(let seconds): requeue.merge(.after(.seconds(seconds)))
      case .now(let upgrade): requeue.merge(await revert(upgrade, rule))
      }
    }
    return requeue
  }

  /// The roles with a point of no return, as the new app declares them.
  func rolesWithoutReturn(_ cluster: ObjectReference, _ live: Object) -> Set<String> {
    guard let app = live.json["spec"]?["app"]?.string else { return [] }
    let places =
      liveState.status(of: cluster)?.appCatalog == .system
      ? [settings.policy.systemNamespace] : [cluster.namespace, settings.policy.systemNamespace]
    let found = places.lazy.compactMap { self.liveState.objects[.app($0, app)] }.first
    return ClusterStatus.roles(named: found?.annotation(Wire.Annotation.pointOfNoReturn))
  }

  /// Whether the cluster is judged against the head, and the head has no unverified commits. Other objects that are
  /// still pending do not delay a revert.
  private func isJudged(_ cluster: ObjectReference, path: String, at head: ObjectID) -> Bool {
    head == branch.fetch.head && branch.signatures.last?.unverified == nil && branch.head == .followed
      && !pending.contains(cluster) && !pending.contains(file: path) && ledger.candidate(of: cluster) == nil
  }

  private func revert(_ upgrade: StalledUpgrade, _ rule: AutoRevert) async -> Requeue {
    let (cluster, path) = (upgrade.cluster, upgrade.origin.path)
    guard !reverts.isDone(cluster, of: upgrade.commit), let head = desired.head,
      isJudged(cluster, path: path, at: head)
    else { return .none }
    do {
      guard let file = try await restored(upgrade, at: head) else {
        return giveUp(
          upgrade,
          "\(path) was changed since, or contains other changes; revert \(upgrade.commit.short) for it by hand"
        )
      }
      let subject = await subject(of: upgrade.commit)
      let commit = try await mirror.pushCommit(
        to: settings.branch, onto: head, [path: file],
        message: upgrade.message(subject, deadline: rule.deadline),
        author: Signature(name: rule.author.name, email: rule.author.email, seconds: Int64(rule.now()))
      ) { [stamp] (text) throws(GitError) in try await rule.sealed(text, stamp) }
      reverts.end(cluster, of: upgrade.commit, .pushed)
      logger.notice(
        "upgrade.revert-pushed",
        metadata: [
          "cluster": "\(cluster)", "takesBack": "\(upgrade.commit.short)", "commit": "\(commit.short)",
          "reason": "\(upgrade.message)",
        ])
      if let live = liveState.objects[cluster] { await send(.reverted(live, by: commit)) }
      sync()
      return .none
    } catch let error as GitError {
      return handle(error, of: upgrade)
    } catch {
      return .backoff()
    }
  }

  private func handle(_ error: GitError, of upgrade: StalledUpgrade) -> Requeue {
    switch error.kind {
    case .conflict:
      // Another commit was pushed first; reconcile it before the next attempt.
      sync()
      return .none
    case .unreachable, .timeout, .cancelled:
      logger.warning(
        "upgrade.revert-failed", metadata: ["cluster": "\(upgrade.cluster)", "error": "\(error)"])
      return .backoff()
    case .tooLarge, .malformed: return giveUp(upgrade, "\(error.message); revert manually")
    case .invalid:
      return giveUp(upgrade, "\(error.message); fix that and restart the daemon, or revert manually")
    default:
      return giveUp(
        upgrade,
        "\(error.message); let the daemon's account push to \(settings.branch), or revert manually")
    }
  }

  /// Reports why a person has to revert the upgrade, and does not try again for this commit.
  private func giveUp(_ upgrade: StalledUpgrade, _ reason: String) -> Requeue {
    reverts.end(upgrade.cluster, of: upgrade.commit, .impossible(reason))
    logger.warning(
      "upgrade.revert-refused",
      metadata: [
        "cluster": "\(upgrade.cluster)", "takesBack": "\(upgrade.commit.short)", "reason": "\(reason)",
      ])
    ledger.markDirty(upgrade.cluster)
    return .now
  }

  /// The file with the cluster as it was before the upgrade; nil if the file was changed since, or if the revert would
  /// change more than the app.
  private func restored(_ upgrade: StalledUpgrade, at head: ObjectID) async throws -> [UInt8]? {
    let path = upgrade.origin.path
    guard let present = desired.blob(at: path), present.hex == upgrade.origin.blob,
      (desired.source(of: upgrade.cluster)?.path).isExactly(path)
    else { return nil }
    let versions = try await versions(of: path, from: head, limit: 20)
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
}
