import KubeDirector

// Optional lifecycle events: a role's event when the role is done, the cluster's event at the very end.
extension ClusterMachine {
  /// Queues the event for every member of the role, if the role subscribes to it. A role in which a rollback had
  /// nothing to revert gets no event.
  mutating func announceRole(_ role: Int, _ event: LifecycleEvent) {
    guard let info = status.upgradeInfo else { return }
    guard event == .roleUpgraded || status.roles[role].members.contains(where: { step(of: $0).isTouched })
    else { return }
    queue(event, role, info)
  }

  private mutating func queue(_ event: LifecycleEvent, _ role: Int, _ info: UpgradeInfo) {
    guard resolved(status.roles[role].id, in: status.app)?.subscribes(event) == true else { return }
    for member in status.roles[role].members.indices {
      status.roles[role].members[member].detail.pendingNotifications.append(
        Notification(event: event, id: info.id))
    }
  }

  /// Ends the upgrade or rollback once every role is done, every member is set up and no notification is pending.
  mutating func endWhenDone() {
    guard let info = status.upgradeInfo, isQuiet else { return }
    if !info.announced {
      status.upgradeInfo?.announced = true
      let touched = status.members.contains { step(of: $0).isTouched }
      if !info.isRollingBack || touched {
        for role in status.roles.indices {
          queue(info.isRollingBack ? .clusterReverted : .clusterUpgraded, role, info)
        }
      }
    }
    guard isQuiet else { return }
    status.upgradeInfo = nil
    status.state = .configured
    for role in status.roles.indices {
      status.roles[role].upgradeStatus = nil
      for member in status.roles[role].members.indices {
        status.roles[role].members[member].upgrade = nil
        status.roles[role].members[member].podUpgradeStatus = nil
        status.roles[role].members[member].app = status.app
      }
    }
    emit(
      .upgradeEnded(
        app: status.app, rolledBack: info.isRollingBack, seconds: max(0, observed.now - info.startedAt)))
  }

  private var isQuiet: Bool {
    status.roles.allSatisfy { role in
      role.upgradeStatus != .upgrading && role.upgradeStatus != .rollingBack
        && role.members.allSatisfy { $0.state == .configured && $0.detail.pendingNotifications.isEmpty }
    }
  }

  /// Removes pending notifications of an upgrade that is being rolled back. For members that the upgrade did not
  /// touch, it also clears the failure of such a notification.
  mutating func withdrawAnnouncements(_ info: UpgradeInfo) {
    for role in status.roles.indices {
      for index in status.roles[role].members.indices {
        var member = status.roles[role].members[index]
        // If the package is missing, the pending notifications have not been tried at all.
        let failed = member.failedNotification
        member.detail.pendingNotifications.removeAll { Self.forward.contains($0.event) }
        if let failed, Self.forward.contains(failed.event), !step(of: member).isTouched {
          member.state = .configured
          member.clearError()
        }
        status.roles[role].members[index] = member
      }
    }
  }

  static let forward: Set<LifecycleEvent> = [.podUpgraded, .roleUpgraded, .clusterUpgraded]
}
