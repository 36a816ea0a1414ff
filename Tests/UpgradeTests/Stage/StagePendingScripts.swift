import KubeDirector
import Upgrade

/// The pending notifications of members, derived from events and not from the status.
struct StagePendingScripts {
  /// A notification to a member that another member was added or removed.
  struct Word: Hashable {
    var listener: String
    var event: LifecycleEvent
    var role: String
    var ordinal: Int
  }

  struct Entry {
    var since: Int
    /// The container in which a script with this notification was started.
    var begunIn: String?
  }

  /// The state from which a `configmeta.json` was written.
  struct Metadata {
    var nodes: Set<Int>
    var moment: Int
  }

  var open: [Word: Entry] = [:]
  /// The node ids of members that have been configured once.
  var known: Set<Int> = []
  /// The node id with which a pod's member joined, and the number of its container at that time.
  var joined: [String: (node: Int, number: Int)] = [:]
  /// The latest metadata of each container.
  var metadata: [String: Metadata] = [:]
  /// The number of statuses written.
  var moment = 0
}

extension Stage {
  private func subscribes(_ event: LifecycleEvent, _ role: String, _ status: ClusterStatus) -> Bool {
    apps[status.app]?.resolved(role)?.subscribes(event) == true
  }

  // MARK: - Events

  /// Records the members that a status adds and removes, before it is written.
  mutating func noteMembers(_ new: ClusterStatus, over old: ClusterStatus?) {
    observer.pendingScripts.moment += 1
    var before: [Int: Bool] = [:]
    for member in old?.members ?? [] { before[member.nodeID] = member.isLeaving }
    for role in new.roles {
      for (ordinal, member) in role.members.enumerated() {
        if before[member.nodeID] == nil {
          observer.pendingScripts.joined[member.pod] = (member.nodeID, counter)
          for other in listeners(.addNodes, new) where other.pod != member.pod {
            expect(.addNodes, role.id, ordinal, to: other.pod)
          }
        } else if member.isLeaving, before[member.nodeID] == false {
          noteLeaver(role.id, ordinal, member, new)
        }
      }
    }
    noteConnections(new, over: old)
    for member in new.members where member.state == .configured {
      observer.pendingScripts.known.insert(member.nodeID)
    }
  }

  /// All subscribers are notified of the newest change; earlier ones become obsolete.
  private mutating func noteConnections(_ new: ClusterStatus, over old: ClusterStatus?) {
    let changes = new.connections?.changes ?? 0
    let isNews = new.connections?.marks ?? [:] != old?.connections?.marks ?? [:]
    guard isNews else { return }
    observer.pendingScripts.open = observer.pendingScripts.open.filter { $0.key.event != .reconnect }
    for other in listeners(.reconnect, new) {
      expect(.reconnect, Self.connectionsRole, changes, to: other.pod)
    }
  }

  /// Stands for the role in a notification of connections.
  private static let connectionsRole = "connections"

  private mutating func noteLeaver(
    _ role: String, _ ordinal: Int, _ member: MemberStatus, _ new: ClusterStatus
  ) {
    observer.pendingScripts.open = observer.pendingScripts.open.filter { $0.key.listener != member.pod }
    let hearing = Set(listeners(.deleteNodes, new).map(\.pod))
    for other in new.members where observer.pendingScripts.known.contains(other.nodeID) && !other.isLeaving {
      let coming = StagePendingScripts.Word(
        listener: other.pod, event: .addNodes, role: role, ordinal: ordinal)
      let unnotified = observer.pendingScripts.open.removeValue(forKey: coming)
      // A member that was not notified of it in its current container needs no notification of its removal.
      let mayBeNotified =
        unnotified.map { $0.begunIn != nil && $0.begunIn == pods[other.pod]?.container } ?? true
      if mayBeNotified, hearing.contains(other.pod) {
        expect(.deleteNodes, role, ordinal, to: other.pod)
      }
    }
  }

  private func listeners(_ event: LifecycleEvent, _ status: ClusterStatus) -> [MemberStatus] {
    status.roles.filter { subscribes(event, $0.id, status) }.flatMap(\.members).filter {
      observer.pendingScripts.known.contains($0.nodeID) && !$0.isLeaving
    }
  }

  private mutating func expect(_ event: LifecycleEvent, _ role: String, _ ordinal: Int, to listener: String) {
    observer.tally.words[event.rawValue, default: 0] += 1
    let word = StagePendingScripts.Word(listener: listener, event: event, role: role, ordinal: ordinal)
    observer.pendingScripts.open[word] = StagePendingScripts.Entry(since: observer.pendingScripts.moment)
  }

  private func lacksPackage(_ role: String) -> Bool {
    status.flatMap { apps[$0.app]?.resolved(role) }?.package == nil
  }

  /// Records the start of a task that writes a `configmeta.json` from the current status.
  mutating func noteMetadata(_ order: PodOrder) {
    switch order.task {
    case .discardBackup: return
    case .script(let notification, _):
      guard [.addNodes, .deleteNodes, .reconnect, .refresh].contains(notification.event) else { return }
    case .install: break
    }
    let nodes = (status?.members ?? []).filter { !$0.isLeaving }.map(\.nodeID)
    observer.pendingScripts.metadata[order.containerID] = StagePendingScripts.Metadata(
      nodes: Set(nodes), moment: observer.pendingScripts.moment)
  }

  /// Drops pending notifications older than the task that installed the package anew.
  mutating func noteInstalled(_ container: String, in pod: String) {
    guard let moment = observer.pendingScripts.metadata[container]?.moment else { return }
    observer.pendingScripts.open = observer.pendingScripts.open.filter {
      $0.key.listener != pod || $0.value.since > moment
    }
  }

  mutating func noteBegun(_ notification: Notification, in pod: String) {
    for word in words(notification, pod) {
      observer.pendingScripts.open[word]?.begunIn = pods[pod]?.container
    }
    guard notification.event == .addNodes, let nodes = notification.nodes else { return }
    for ordinal in nodes.ordinals.joined() {
      let name = DerivedNames.pod(statefulSet: nodes.statefulSet, ordinal: ordinal)
      guard status?.members.contains(where: { $0.pod == name && !$0.isLeaving }) != true,
        let node = observer.pendingScripts.joined[name]?.node, !observer.pendingScripts.known.contains(node),
        // It may have been set up in the same step that removes it; without a package, by its start.
        !containers.values.contains(where: {
          $0.pod == name && ($0.package != nil || lacksPackage(nodes.role))
        })
      else { continue }
      violated("\(Self.short(pod)) notified of \(Self.short(name)), which is gone and was never set up")
    }
  }

  mutating func noteDelivered(_ notification: Notification, in pod: String) {
    for word in words(notification, pod) { observer.pendingScripts.open[word] = nil }
  }

  private func words(_ notification: Notification, _ pod: String) -> [StagePendingScripts.Word] {
    if notification.event == .reconnect,  // A retry is the same notification.
      let number = Int(notification.id.prefix { $0 != "/" })
    {
      return [
        StagePendingScripts.Word(
          listener: pod, event: .reconnect, role: Self.connectionsRole, ordinal: number)
      ]
    }
    guard let nodes = notification.nodes else { return [] }
    return nodes.ordinals.joined().map {
      StagePendingScripts.Word(listener: pod, event: notification.event, role: nodes.role, ordinal: $0)
    }
  }

  // MARK: - Invariants

  /// Checks that no notification is pending in a cluster that is reported as configured.
  mutating func checkPendingScripts(_ status: ClusterStatus) {
    let open = observer.pendingScripts.open.keys.map {
      "\(Self.short($0.listener)) was never notified by \($0.event.argument) of \($0.role)-\($0.ordinal)"
    }
    if let word = open.min() { violated("configured though \(word)") }
    let nodes = Set(status.members.map(\.nodeID))
    for role in status.roles {
      guard let resolved = apps[status.app]?.resolved(role.id), resolved.package != nil else { continue }
      for member in role.members {
        guard let container = member.detail.lastConfiguredContainer.flatMap({ containers[$0] }) else {
          continue
        }
        checkConfigured(container, role.id, resolved)
        // Members of roles that do not receive the change have it in their file too.
        guard let known = observer.pendingScripts.metadata[container.id]?.nodes else { continue }
        if !nodes.isSubset(of: known) {
          violated("\(Self.short(member.pod)) does not know the nodes \(nodes.subtracting(known).sorted())")
        }
      }
    }
  }

  /// Each container ran --configure or its hook, or its volume has the result of an earlier container.
  private mutating func checkConfigured(_ container: StageContainer, _ role: String, _ resolved: ResolvedRole)
  {
    guard resolved.subscribes(.configure), !container.hasSucceeded("configure"), !container.hasHook else {
      return
    }
    let joined = observer.pendingScripts.joined[container.pod]?.number ?? 0
    let hasVolume = cluster.spec.role(role)?.storageSize != nil
    let isKept = containers.values.contains {
      $0.pod == container.pod && joined < $0.number && $0.number < container.number
        && observer.setUp.contains($0.id)
    }
    if !hasVolume || !isKept { violated("configured without --configure in \(Self.short(container.pod))") }
  }

  /// Checks at the end of an upgrade or rollback that every role that lists its events was notified.
  mutating func checkRoleEvents(_ info: UpgradeInfo, _ old: ClusterStatus, _ app: String) {
    // It may have turned into a rollback that had nothing to roll back, in one step.
    let isBack = info.isRollingBack || app == info.prevApp
    for role in old.roles {
      guard let wanted = apps[app]?.resolved(role.id) else { continue }
      let isConcerned =
        isBack
        ? role.members.contains { observer.touched.contains($0.pod) }
        : wanted.image != apps[info.prevApp]?.resolved(role.id)?.image
      var pending: [LifecycleEvent] = isConcerned ? [isBack ? .roleReverted : .roleUpgraded] : []
      if !isBack || !observer.touched.isEmpty { pending.append(isBack ? .clusterReverted : .clusterUpgraded) }
      for event in pending where wanted.subscribes(event) {
        for member in role.members {
          observer.tally.words[event.rawValue, default: 0] += 1
          let isHeard = containers.values.contains {
            $0.pod == member.pod && $0.hasSucceeded("\(event.rawValue) \(info.id)")
          }
          if !isHeard { violated("ended without \(event.argument) in \(Self.short(member.pod))") }
        }
      }
    }
  }
}

extension StageContainer {
  /// A hook of an upgrade or rollback succeeded in the container.
  fileprivate var hasHook: Bool {
    ended.contains {
      $0.value == 0 && ($0.key.hasPrefix("pod_upgraded ") || $0.key.hasPrefix("pod_reverted "))
    }
  }
}
