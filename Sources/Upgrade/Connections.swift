import KubeDirector

/// What a cluster is connected to, as far as the machine looks at it.
public struct ConnectionsObservation: Sendable, Hashable {
  /// By kind and name, such as `configmaps/hadoop`: what tells the content from another. What is not there has none.
  public var marks: [String: String]
  /// Clusters that are changing at the moment: they are told of when they are at rest.
  public var unsettled: Set<String>
  /// What is named and cannot be had, in order.
  public var missing: [String]
  /// Kinds that are named and could not be read yet, in order.
  public var unread: [String]

  public init(
    marks: [String: String] = [:], unsettled: Set<String> = [], missing: [String] = [], unread: [String] = []
  ) {
    self.marks = marks
    self.unsettled = unsettled
    self.missing = missing
    self.unread = unread
  }
}

// What members hear of what their cluster is connected to: `--reconnect`.
extension ClusterMachine {
  /// Tells the members that are set up that something has changed. While an upgrade runs its pods are nobody else's;
  /// what changes meanwhile is told when it has ended.
  mutating func keepConnections() {
    guard observed.isStamped, let seen = observed.connections, seen.unread.isEmpty, app(status.app) != nil
    else { return }
    let before = status.connections ?? ConnectionState()
    var marks = seen.marks
    for name in seen.unsettled { marks[name] = before.marks[name] }
    guard marks != before.marks || status.connections == nil else { return }
    let changed = Set(marks.keys).union(before.marks.keys).filter { marks[$0] != before.marks[$0] }.sorted()
    status.connections = ConnectionState(marks: marks, changes: before.changes + 1)
    guard !changed.isEmpty else { return }
    tell(.connectionsChanged(names: changed, missing: seen.missing))
    let note = Notification(event: .reconnect, id: "\(before.changes + 1)")
    for (role, index) in listeners(to: .reconnect) { replaceReconnect(role, index, note) }
  }

  /// What was not told yet, or could not be told, is void: the newest is all that counts. What is being told is heard
  /// to its end, though it be by an order of an earlier daemon.
  private mutating func replaceReconnect(_ role: Int, _ index: Int, _ note: Notification) {
    var member = status.roles[role].members[index]
    let work = observed.work[member.pod]
    let failed = member.failedNotification
    // Only the oldest can have begun.
    let oldest = member.detail.pendingNotifications.first { $0.event == .reconnect }
    let begun = work == nil && oldest != failed ? oldest : nil
    if failed?.event == .reconnect {
      member.clearError()
      member.state = member.owesSetUp ? .creating : .configured
    }
    member.detail.pendingNotifications.removeAll {
      $0.event == .reconnect && !$0.isRunning(work) && $0 != begun
    }
    member.detail.pendingNotifications.append(note)
    status.roles[role].members[index] = member
  }

  /// Why members have not heard of all that a new spec connects them to; nil where they have, or nobody waits for it:
  /// what an upgrade ends with, and what a neighbour becomes later, they hear in its time.
  var reasonNotToHaveHeard: String? {
    guard status.upgradeInfo == nil, let seen = observed.connections else { return nil }
    if let kind = seen.unread.first { return "members hear of \(kind) when they can be read" }
    let known = status.connections?.marks ?? [:]
    if let name = seen.unsettled.filter({ known[$0] == nil }).min() {
      return "members hear of \(name) when it is at rest"
    }
    let names = Set(seen.marks.keys).union(known.keys).subtracting(seen.unsettled)
    return names.filter { seen.marks[$0] != known[$0] }.min().map { "members have not heard of \($0)" }
  }

  /// Why nothing that reads `configmeta.json` may be done yet; nil where it may. Written without its connections,
  /// it would be wrong, and nobody would be told once they can be read.
  var reasonNotToConnect: String? {
    guard let kind = observed.connections?.unread.first else { return nil }
    return "members wait until \(kind) can be read"
  }
}
