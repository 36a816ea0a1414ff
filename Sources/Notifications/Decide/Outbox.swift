import Values

/// The notifications that are not delivered yet, by target, each in its order.
///
/// A target that does not answer delays no other target. Bounded: beyond the limit of a target, its oldest notification
/// is dropped and counted.
struct Outbox: Sendable {
  /// The largest number of undelivered notifications of a target.
  static let limit = 64
  /// The number of notifications of one event of one commit that a target receives one by one.
  static let burst = 10

  private struct Queue: Sendable, Hashable {
    var waiting: [StatusNotification] = []
    var dropped = 0
  }

  private struct Flood: Sendable, Hashable {
    var target: String
    var commit: String
    var event: NotificationEvent
  }

  private let targets: [NotificationTarget]
  private var queues: [String: Queue] = [:]
  private var counts = BoundedHistory<Flood, Int>(limit: 256)

  init(_ targets: [NotificationTarget]) { self.targets = targets }

  /// Adds a notification for each target that receives it.
  ///
  /// - Returns: the names of the targets with a new notification.
  mutating func put(_ notification: StatusNotification) -> [String] {
    var changed: [String] = []
    for target in targets where target.receives(notification) {
      guard let next = limited(notification, target.name) else { continue }
      append(next, target.name)
      changed.append(target.name)
    }
    return changed
  }

  /// The oldest undelivered notification of a target.
  func next(_ target: String) -> StatusNotification? { queues[target]?.waiting.first }

  /// Removes a notification that was delivered, or that its target will never accept.
  mutating func remove(_ notification: StatusNotification, of target: String) {
    queues[target]?.waiting.removeAll { $0.id == notification.id }
  }

  /// Returns the number of notifications that were dropped since the last call, for the log.
  mutating func takeDropped(_ target: String) -> Int {
    let count = queues[target]?.dropped ?? 0
    queues[target]?.dropped = 0
    return count
  }

  /// The number of undelivered notifications.
  var count: Int { queues.values.reduce(0) { $0 + $1.waiting.count } }

  /// Limits the notifications of one event of one commit.
  ///
  /// - Returns: the notification up to `burst`. For the first one above it, a notification that there are more; for
  ///   later ones nil.
  private mutating func limited(_ notification: StatusNotification, _ target: String) -> StatusNotification? {
    guard let commit = notification.commit else { return notification }
    let flood = Flood(target: target, commit: commit, event: notification.event)
    let count = (counts[flood] ?? 0) + 1
    counts[flood] = count
    if count <= Self.burst { return notification }
    guard count == Self.burst + 1 else { return nil }
    return StatusNotification(
      notification.event, of: nil, key: "\(commit) more", time: notification.time, commit: commit,
      subject: notification.subject,
      message: "for more than \(Self.burst) objects; no more of them are announced, see kdops status")
  }

  private mutating func append(_ notification: StatusNotification, _ target: String) {
    var queue = queues[target] ?? Queue()
    guard !queue.waiting.contains(where: { $0.id == notification.id }) else { return }
    queue.waiting.append(notification)
    if queue.waiting.count > Self.limit {
      queue.waiting.removeFirst()
      queue.dropped += 1
    }
    queues[target] = queue
  }
}

// The form in the store.
extension Outbox {
  /// The largest stored form, in bytes. Kubernetes stores at most 1 MiB in a ConfigMap, which also has the announced ids.
  static let storedLimit = 900_000

  /// The undelivered notifications, without targets that have none.
  var json: JSON { stored(limit: Self.storedLimit) }

  /// The undelivered notifications that fit into a number of bytes. The target with the most leaves out its oldest first.
  func stored(limit: Int) -> JSON {
    var items = queues.filter { !$0.value.waiting.isEmpty }.mapValues { queue in
      queue.waiting.map { $0.json }.map { (json: $0, size: $0.serialized().count + 1) }[...]
    }
    var sizes = items.mapValues { $0.reduce(0) { $0 + $1.size } }
    while sizes.values.reduce(0, +) > limit,
      let largest = sizes.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }),
      let oldest = items[largest.key]?.popFirst()
    {
      sizes[largest.key] = largest.value - oldest.size
    }
    var out: JSON = [:]
    for (target, items) in items.sorted(by: { $0.key < $1.key }) where !items.isEmpty {
      out[target] = .some(.array(items.map(\.json)))
    }
    return out
  }

  /// Puts the stored notifications before those that were added since. Notifications of targets that are no longer
  /// configured are dropped.
  mutating func restore(_ json: JSON) {
    for target in targets {
      let stored = (json[target.name]?.array ?? []).compactMap { StatusNotification($0) }
      let added = queues[target.name]?.waiting ?? []
      queues[target.name] = Queue()
      for notification in stored + added { append(notification, target.name) }
    }
  }
}
