import Diagnostics
import KubeDirector

/// Records what happened to each pod, when, and how long it took, from successive statuses. Pure.
public struct Timeline: Sendable {
  /// One action on one pod that has finished or failed.
  public struct Entry: Sendable, Hashable {
    enum Step: Sendable, Hashable {
      /// A new member was configured, except for its scripts.
      case made
      /// The image and package were replaced.
      case replaced
      /// A run of `startscript`.
      case script(LifecycleEvent)
      case removed
    }

    var cluster: ObjectReference
    var role: String
    var pod: String
    var step: Step
    /// The time since the rehearsal began.
    var at: Duration
    var took: Duration
    /// The exit code of a script; nil if it never ran.
    var exitCode: Int?
    /// The error; nil if there was none.
    var stallReason: String?
  }

  private(set) var entries: [Entry] = []
  private var pods: [Key: Pod] = [:]

  private struct Key: Hashable {
    var cluster: ObjectReference
    var pod: String
  }

  private struct Pod {
    var member: MemberStatus
    var role: String
    var open: Open?
    var script: (notification: Notification, at: Duration)?
    var stallReason: String?
  }

  private struct Open {
    var step: Entry.Step
    var at: Duration
  }

  /// The pods in which a script for an event succeeded.
  func notified(_ event: LifecycleEvent, in cluster: ObjectReference) -> Set<String> {
    Set(
      entries.filter { $0.cluster == cluster && $0.step == .script(event) && $0.exitCode == 0 }.map(\.pod))
  }

  /// The pods whose image was replaced, or was about to be.
  func replaced(in cluster: ObjectReference) -> Set<String> {
    Set(entries.filter { $0.cluster == cluster && $0.step == .replaced }.map(\.pod))
  }

  /// Adds a status.
  ///
  /// - Returns: The entries that ended with this status.
  mutating func note(_ cluster: ObjectReference, _ status: ClusterStatus, at now: Duration) -> [Entry] {
    let before = entries.count
    var present: Set<Key> = []
    for role in status.roles {
      for member in role.members {
        let key = Key(cluster: cluster, pod: member.pod)
        present.insert(key)
        note(member, role.id, key, status, now)
      }
    }
    let gone = pods.filter { $0.key.cluster == cluster && !present.contains($0.key) }
    for (key, pod) in gone.sorted(by: { $0.key.pod < $1.key.pod }) {
      pods[key] = nil
      end(key, pod.role, .removed, since: now, at: now)
    }
    return Array(entries[before...])
  }

  private mutating func note(
    _ member: MemberStatus, _ role: String, _ key: Key, _ status: ClusterStatus, _ now: Duration
  ) {
    var pod = pods[key] ?? Pod(member: member, role: role, open: Open(step: .made, at: now))
    let old = pod.member
    if isClaimed(member, after: old) {
      // A replacement that did not finish was rolled back.
      if let open = pod.open {
        end(key, role, open.step, since: open.at, at: now, stallReason: "rolled back")
      }
      pod.open = Open(step: .replaced, at: now)
      pod.script = nil
    }
    if let open = pod.open, isIn(member, open.step) {
      end(key, role, open.step, since: open.at, at: now)
      pod.open = nil
    }
    let stallReason = member.detail.waitingReason.map { reason in
      [reason.rawValue, member.detail.waitingMessage].compactMap(\.self).joined(separator: ": ")
    }
    if let stallReason, let open = pod.open, pod.stallReason == nil {
      end(key, role, open.step, since: open.at, at: now, stallReason: stallReason)
    }
    pod.stallReason = pod.open == nil ? nil : stallReason ?? pod.stallReason
    noteScript(member, key, &pod, status, now)
    pod.member = member
    pods[key] = pod
  }

  /// Tracks a member's first pending script. It runs until it is no longer pending, or has failed.
  private mutating func noteScript(
    _ member: MemberStatus, _ key: Key, _ pod: inout Pod, _ status: ClusterStatus, _ now: Duration
  ) {
    if let running = pod.script {
      let isOwed = member.detail.pendingNotifications.contains(running.notification)
      let event = running.notification.event
      if !isOwed {
        // Notifications that a rollback withdraws were not run.
        let isWithdrawn = status.upgradeInfo?.isRollingBack == true && Self.forward.contains(event)
        if !isWithdrawn { end(key, pod.role, .script(event), since: running.at, at: now, exitCode: 0) }
        pod.script = nil
      } else if member.state == .configError, pod.member.state != .configError {
        let code = event == .podUpgraded || event == .podReverted ? member.upgrade?.exitCode : nil
        end(
          key, pod.role, .script(event), since: running.at, at: now, exitCode: code,
          stallReason: member.detail.configError)
      }
    }
    guard pod.script == nil, pod.open == nil, member.state != .configError,
      let next = member.detail.pendingNotifications.first, next.event != .refresh
    else { return }
    pod.script = (next, now)
  }

  private static let forward: Set<LifecycleEvent> = [.podUpgraded, .roleUpgraded, .clusterUpgraded]

  private func isClaimed(_ member: MemberStatus, after old: MemberStatus) -> Bool {
    guard let ledger = member.upgrade else { return false }
    let isTurn = member.podUpgradeStatus == .upgrading || member.podUpgradeStatus == .rollingBack
    return isTurn
      && (old.upgrade?.id != ledger.id || old.upgrade?.revision != ledger.revision
        || old.podUpgradeStatus != member.podUpgradeStatus)
  }

  private func isIn(_ member: MemberStatus, _ step: Entry.Step) -> Bool {
    guard member.detail.lastConfiguredContainer != nil else { return false }
    return step != .replaced || member.podUpgradeStatus == .configured || member.upgrade == nil
  }

  private mutating func end(
    _ key: Key, _ role: String, _ step: Entry.Step, since began: Duration, at now: Duration,
    exitCode: Int? = nil, stallReason: String? = nil
  ) {
    entries.append(
      Entry(
        cluster: key.cluster, role: role, pod: key.pod, step: step, at: now, took: now - began,
        exitCode: exitCode, stallReason: stallReason))
  }
}
