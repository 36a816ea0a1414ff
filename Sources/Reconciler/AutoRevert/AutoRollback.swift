import ClusterAPI
import Diagnostics
import GitStore
import KubeDirector
import Logging
import Manifests
import Reports
import Rules
import Values

// `fixForward`: an upgrade to a third app behind a stalled upgrade does not wait until a person reverts the stalled
// change.
extension Reconciler {
  /// Rolls a stalled upgrade back automatically if a later app waits behind it. Only the live object changes: it gets
  /// the file's content from before the upgrade. When the rollback has ended, the waiting upgrade starts.
  func rollBackFirst(_ change: JudgedChange) async -> Requeue {
    let reference = change.reference
    guard settings.fixesForward, change.verdict == .waiting, change.change == .upgrade,
      let live = liveState.objects[reference], let status = liveState.status(of: reference),
      status.stall != nil,
      let upgrade = status.upgradeInfo, !upgrade.isRollingBack,
      // False once the rollback was requested.
      live.json["spec"]?["app"]?.string == status.app, stamp.holds(live.json), !live.isSuspended,
      !status.hasPassed(pointOfNoReturn: rolesWithoutReturn(reference, live))
    else { return .none }
    guard let (document, origin) = await before(upgrade, live, reference, change.commit) else {
      logger.warning(
        "upgrade.auto-rollback-impossible",
        metadata: ["object": "\(reference)", "hint": "no earlier state of its file names \(upgrade.prevApp)"])
      return .none
    }
    do throws(APIError) {
      put(try await applier.apply(document, over: live, origin, isAgain: true))
    } catch {
      return retry(reference, after: error)
    }
    let report = ObjectReport.applied(reference, .rollback)
    updateReport(of: live, status)
    await record(report, of: change.commit)
    ledger.markDirty(reference)
    logger.notice(
      "upgrade.auto-rollback", metadata: ["object": "\(reference)", "for": "\(change.commit.short)"])
    return .none
  }

  /// The last version of the file that differs from the live spec only in `app`, which names the app that the upgrade
  /// came from.
  private func before(
    _ upgrade: UpgradeInfo, _ live: Object, _ reference: ObjectReference, _ commit: ObjectID
  ) async -> (JSON, Provenance)? {
    guard let applied = Provenance(of: live), let at = ObjectID(hex: applied.commit),
      var wanted = live.json["spec"],
      let versions = try? await versions(of: applied.path, from: at, limit: 20)
    else { return nil }
    wanted["app"] = .string(upgrade.prevApp)
    let text = wanted.serialized(pretty: false, sortedKeys: true)
    for version in versions {
      guard let blob = version.blob,
        let bytes = try? await repository.blob(blob, limit: ManifestLimits.standard.bytes),
        let document = desired.document(of: reference, path: applied.path, in: bytes),
        document["spec"]?.serialized(pretty: false, sortedKeys: true) == text
      else { continue }
      let origin = Provenance(
        commit: commit.hex, blob: blob.hex, path: applied.path, change: .rollback)
      return (document, origin)
    }
    return nil
  }
}
