import KubeDirector
import Upgrade

/// What members are owed, derived from what happens and not from what the status says that they are owed.
struct StagePendingScripts {
  /// That a member came or went, to be told to another one.
  struct Word: Hashable {
    var listener: String
    var event: LifecycleEvent
    var role: String
    var ordinal: Int
  }

  struct Debt {
    var since: Int
    /// The container in which a script has begun to tell it.
    var begunIn: String?
  }

  /// What a `configmeta.json` was made from.
  struct Metadata {
    var nodes: Set<Int>
    var moment: Int
  }

  var open: [Word: Debt] = [:]
  /// The node ids of members that have been configured once.
  var known: Set<Int> = []
  /// When a pod's member came, in the numbers that containers have.
  var joined: [String: (node: Int, number: Int)] = [:]
  /// The last one of each container.
  var metadata: [String: Metadata] = [:]
  /// Counts the statuses that were written.
  var moment = 0
}

extension Stage {
  private func subscribes(_ event: LifecycleEvent, _ role: String, _ status: ClusterStatus) -> Bool {
    apps[status.app]?.resolved(role)?.subscribes(event) == true
  }

  // MARK: - What happens

  /// A status is about to be written: who comes and goes by it.
  mutating func noteMembers(_ new: ClusterStatus, over old: ClusterStatus?) {
    observer.debts.moment += 1
    var before: [Int: Bool] = [:]
    for member in old?.members ?? [] { before[member.nodeID] = member.isLeaving }
    for role in new.roles {
      for (ordinal, member) in role.members.enumerated() {
        if before[member.nodeID] == nil {
          observer.debts.joined[member.pod] = (member.nodeID, counter)
          for other in listeners(.addNodes, new) where other.pod != member.pod {
            owe(.addNodes, role.id, ordinal, to: other.pod)
          }
        } else if member.isLeaving, before[member.nodeID] == false {
          noteLeaver(role.id, ordinal, member, new)
        }
      }
    }
    noteConnections(new, over: old)
    for member in new.members where member.state == .configured { observer.debts.known.insert(member.nodeID) }
  }

  /// All that listen hear of the newest change, and need hear of none before it.
  private mutating func noteConnections(_ new: ClusterStatus, over old: ClusterStatus?) {
    let changes = new.connections?.changes ?? 0
    let isNews = new.connections?.marks ?? [:] != old?.connections?.marks ?? [:]
    guard isNews else { return }
    observer.debts.open = observer.debts.open.filter { $0.key.event != .reconnect }
    for other in listeners(.reconnect, new) { owe(.reconnect, Self.connectionsRole, changes, to: other.pod) }
  }

  /// Stands in a word for the role.
  private static let connectionsRole = "connections"

  private mutating func noteLeaver(
    _ role: String, _ ordinal: Int, _ member: MemberStatus, _ new: ClusterStatus
  ) {
    observer.debts.open = observer.debts.open.filter { $0.key.listener != member.pod }
    let hearing = Set(listeners(.deleteNodes, new).map(\.pod))
    for other in new.members where observer.debts.known.contains(other.nodeID) && !other.isLeaving {
      let coming = StagePendingScripts.Word(
        listener: other.pod, event: .addNodes, role: role, ordinal: ordinal)
      let unheard = observer.debts.open.removeValue(forKey: coming)
      // Of whom it has not heard in the container that it has it need not hear that he goes.
      let mayHaveHeard = unheard.map { $0.begunIn != nil && $0.begunIn == pods[other.pod]?.container } ?? true
      if mayHaveHeard, hearing.contains(other.pod) {
        owe(.deleteNodes, role, ordinal, to: other.pod)
      }
    }
  }

  private func listeners(_ event: LifecycleEvent, _ status: ClusterStatus) -> [MemberStatus] {
    status.roles.filter { subscribes(event, $0.id, status) }.flatMap(\.members).filter {
      observer.debts.known.contains($0.nodeID) && !$0.isLeaving
    }
  }

  private mutating func owe(_ event: LifecycleEvent, _ role: String, _ ordinal: Int, to listener: String) {
    observer.tally.words[event.rawValue, default: 0] += 1
    let word = StagePendingScripts.Word(listener: listener, event: event, role: role, ordinal: ordinal)
    observer.debts.open[word] = StagePendingScripts.Debt(since: observer.debts.moment)
  }

  private func lacksPackage(_ role: String) -> Bool {
    status.flatMap { apps[$0.app]?.resolved(role) }?.package == nil
  }

  /// An order is given that writes a `configmeta.json`, as the cluster is by the status of this moment.
  mutating func noteMetadata(_ order: PodOrder) {
    switch order.task {
    case .discardBackup: return
    case .script(let notification, _):
      guard [.addNodes, .deleteNodes, .reconnect].contains(notification.event) else { return }
    case .install: break
    }
    let nodes = (status?.members ?? []).filter { !$0.isLeaving }.map(\.nodeID)
    observer.debts.metadata[order.containerID] = StagePendingScripts.Metadata(
      nodes: Set(nodes), moment: observer.debts.moment)
  }

  /// A package has gone in afresh: what has happened before it was ordered needs no telling.
  mutating func noteInstalled(_ container: String, in pod: String) {
    guard let moment = observer.debts.metadata[container]?.moment else { return }
    observer.debts.open = observer.debts.open.filter { $0.key.listener != pod || $0.value.since > moment }
  }

  mutating func noteBegun(_ notification: Notification, in pod: String) {
    for word in words(notification, pod) { observer.debts.open[word]?.begunIn = pods[pod]?.container }
    guard notification.event == .addNodes, let nodes = notification.nodes else { return }
    for ordinal in nodes.ordinals.joined() {
      let name = DerivedNames.pod(statefulSet: nodes.statefulSet, ordinal: ordinal)
      guard status?.members.contains(where: { $0.pod == name && !$0.isLeaving }) != true,
        let node = observer.debts.joined[name]?.node, !observer.debts.known.contains(node),
        // He may have been set up by the very step that lets him go; without a package, by being there.
        !containers.values.contains(where: {
          $0.pod == name && ($0.package != nil || lacksPackage(nodes.role))
        })
      else { continue }
      violated("\(Self.short(pod)) told of \(Self.short(name)), who has gone and never was set up")
    }
  }

  mutating func noteTold(_ notification: Notification, in pod: String) {
    for word in words(notification, pod) { observer.debts.open[word] = nil }
  }

  private func words(_ notification: Notification, _ pod: String) -> [StagePendingScripts.Word] {
    if notification.event == .reconnect,  // Run again on request, it is the same word.
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

  // MARK: - What must hold

  /// The cluster is called configured: nobody is owed anything.
  mutating func checkDebts(_ status: ClusterStatus) {
    let open = observer.debts.open.keys.map {
      "\(Self.short($0.listener)) never heard \($0.event.argument) of \($0.role)-\($0.ordinal)"
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
        guard resolved.subscribes(.addNodes), let known = observer.debts.metadata[container.id]?.nodes else {
          continue
        }
        if !nodes.isSubset(of: known) {
          violated("\(Self.short(member.pod)) does not know the nodes \(nodes.subtracting(known).sorted())")
        }
      }
    }
  }

  /// Each container was configured, or had its hook; or its volume has what an earlier container of it has done.
  private mutating func checkConfigured(_ container: StageContainer, _ role: String, _ resolved: ResolvedRole)
  {
    guard resolved.subscribes(.configure), !container.hasSucceeded("configure"), !container.hasHook else {
      return
    }
    let joined = observer.debts.joined[container.pod]?.number ?? 0
    let hasVolume = cluster.spec.role(role)?.storageSize != nil
    let isKept = containers.values.contains {
      $0.pod == container.pod && joined < $0.number && $0.number < container.number
        && observer.setUp.contains($0.id)
    }
    if !hasVolume || !isKept { violated("configured without --configure in \(Self.short(container.pod))") }
  }

  /// An upgrade or rollback ends: whoever lists its events has heard them.
  mutating func checkHeard(_ info: UpgradeInfo, _ old: ClusterStatus, _ app: String) {
    // It may have been turned round and found nothing to take back, all in one step.
    let isBack = info.isRollingBack || app == info.prevApp
    for role in old.roles {
      guard let wanted = apps[app]?.resolved(role.id) else { continue }
      let isConcerned =
        isBack
        ? role.members.contains { observer.touched.contains($0.pod) }
        : wanted.image != apps[info.prevApp]?.resolved(role.id)?.image
      var owed: [LifecycleEvent] = isConcerned ? [isBack ? .roleReverted : .roleUpgraded] : []
      if !isBack || !observer.touched.isEmpty { owed.append(isBack ? .clusterReverted : .clusterUpgraded) }
      for event in owed where wanted.subscribes(event) {
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
  /// A hook of an upgrade or rollback ended well in it.
  fileprivate var hasHook: Bool {
    ended.contains {
      $0.value == 0 && ($0.key.hasPrefix("pod_upgraded ") || $0.key.hasPrefix("pod_reverted "))
    }
  }
}
