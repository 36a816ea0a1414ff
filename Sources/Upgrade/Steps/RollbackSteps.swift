import KubeDirector

// Rollback: its beginning and its end in a role. It replaces every pod that the ledger records as touched: pods that are
// down first, then from the last to the first. See `advanceRole` for the order.
extension ClusterMachine {
  mutating func beginRollback(_ info: UpgradeInfo) {
    let left = status.app
    emit(.rollbackBegan(from: left, to: info.prevApp))
    status.upgradeInfo = UpgradeInfo(
      isRollingBack: true, prevApp: left, prevAppCatalog: status.appCatalog, id: info.id,
      startedAt: observed.now)
    status.app = info.prevApp
    status.appCatalog = info.prevAppCatalog
    withdrawAnnouncements(info)
    for role in status.roles.indices where status.roles[role].upgradeStatus != nil {
      status.roles[role].upgradeStatus = .rollingBack
    }
  }

  /// Restores the old template of a role in which no pod has the new image.
  mutating func restoreTemplate(_ role: Int, _ set: SetObservation, _ image: String) {
    let replicas = status.roles[role].members.count
    let rest = SetGoal(app: status.app, replicas: replicas, strategy: .atRest)
    if set.image == image, set.strategy == rest.strategy, set.isObserved {
      finishRollback(role)
    } else {
      want(role, rest)
    }
  }

  /// Finishes a role in which every touched pod is rolled back: sets the strategy with which the set's current
  /// revision catches up.
  mutating func settle(_ role: Int, _ set: SetObservation, _ replicas: Int) {
    // The old template as written today may differ from the one that untouched pods were made from. If the partition
    // were lowered, the set would replace them. Their revision is still the current one, so there is nothing to wait
    // for.
    let hasOtherRevisions = status.roles[role].members.contains {
      isOnOther(revision: set.updateRevision, $0)
    }
    if set.strategy == .onDelete, !hasOtherRevisions {
      want(role, SetGoal(app: status.app, replicas: replicas, strategy: .rollingUpdate(partition: 0)))
    } else if hasOtherRevisions || set.currentRevision == set.updateRevision {
      finishRollback(role)
    }
  }

  private mutating func finishRollback(_ role: Int) {
    status.roles[role].upgradeStatus = .rolledBack
    emit(.roleDone(role: status.roles[role].id, rollingBack: true))
    announceRole(role, .roleReverted)
    keepAtRest(role)
  }
}
