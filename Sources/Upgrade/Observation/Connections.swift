import KubeDirector

/// The objects that a cluster is connected to, as the machine sees them.
public struct ConnectionsObservation: Sendable, Hashable {
  /// A content marker for each kind and name, such as `configmaps/hadoop`. A missing object has no marker.
  public var marks: [String: String]
  /// Connected clusters that are changing now. Members are notified of them once they are at rest.
  public var unsettled: Set<String>
  /// Named objects that are not available, in order.
  public var missing: [String]
  /// Named kinds that could not be read yet, in order.
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

// Notifications about connected objects: `--reconnect`.
extension ClusterMachine {
  /// Notifies members that are set up that a connection has changed. During an upgrade, pods get no other
  /// notifications; changes made meanwhile are sent when the upgrade has ended.
  mutating func keepConnections() {
    guard observed.isStamped, let seen = observed.connections, seen.unread.isEmpty, app(status.app) != nil
    else { return }
    let before = status.connections ?? ConnectionState()
    var marks = seen.marks
    for name in seen.unsettled { marks[name] = before.marks[name] }
    guard marks != before.marks || status.connections == nil else { return }
    let changed = Set(marks.keys).union(before.marks.keys).filter {
      ConnectionState.differ(before.marks[$0], marks[$0])
    }.sorted()
    status.connections = ConnectionState(marks: marks, changes: before.changes + 1)
    guard !changed.isEmpty else { return }
    emit(.connectionsChanged(names: changed, missing: seen.missing))
    let note = Notification(event: .reconnect, id: "\(before.changes + 1)")
    for (role, index) in listeners(to: .reconnect) { replaceReconnect(role, index, note) }
  }

  /// Replaces a pending or failed `reconnect` notification: only the newest counts. A notification that is being
  /// delivered runs to its end, even if an earlier daemon started it.
  private mutating func replaceReconnect(_ role: Int, _ index: Int, _ note: Notification) {
    var member = status.roles[role].members[index]
    let work = observed.work[member.pod]
    let failed = member.failedNotification
    // Only the oldest notification can have been started.
    let oldest = member.detail.pendingNotifications.first { $0.event == .reconnect }
    let begun = work == nil && oldest != failed ? oldest : nil
    if failed?.event == .reconnect {
      member.clearError()
      member.state = member.needsSetUp ? .creating : .configured
    }
    member.detail.pendingNotifications.removeAll {
      $0.event == .reconnect && !$0.isRunning(work) && $0 != begun
    }
    member.detail.pendingNotifications.append(note)
    status.roles[role].members[index] = member
  }

  /// Why not all members are notified of a new spec's connections yet. Nil if all are, and during an upgrade. Later
  /// changes of a connected cluster do not count: their notifications are sent independently.
  var reasonNotNotified: String? {
    guard status.upgradeInfo == nil, let seen = observed.connections else { return nil }
    if let kind = seen.unread.first { return "members are notified of \(kind) when they can be read" }
    let known = status.connections?.marks ?? [:]
    if let name = seen.unsettled.filter({ known[$0] == nil }).min() {
      return "members are notified of \(name) when it is configured"
    }
    let names = Set(seen.marks.keys).union(known.keys).subtracting(seen.unsettled)
    return names.filter { seen.marks[$0] != known[$0] }.min().map { "members are not yet notified of \($0)" }
  }

  /// Why nothing that reads `configmeta.json` may run yet; nil if it may. A file written without its connections would
  /// be wrong, and no notification would follow once they can be read.
  var reasonNotToConnect: ProgressMessage.Wait? {
    guard let kind = observed.connections?.unread.first else { return nil }
    return ProgressMessage.Wait("members wait until \(kind) can be read")
  }
}
