import ClusterAPI

/// Names of clusters to look at: each at most once in the queue, and never by two workers at a time.
actor WorkQueue {
  private var ready: [ObjectName] = []
  private var head = 0
  private var queued: Set<ObjectName> = []
  private var active: Set<ObjectName> = []
  /// Asked for again while a worker has it.
  private var again: Set<ObjectName> = []
  private var idle: [CheckedContinuation<ObjectName?, Never>] = []
  private var isClosed = false
  private var failures: [ObjectName: Int] = [:]
  /// The alarm of each name that rings first.
  private var alarms: [ObjectName: (number: Int, wait: Duration)] = [:]
  private var lastAlarm = 0

  var depth: Int { ready.count - head }

  func add(_ names: some Sequence<ObjectName> & Sendable) {
    for name in names { add(name) }
  }

  func add(_ name: ObjectName) {
    guard !isClosed else { return }
    if active.contains(name) {
      again.insert(name)
    } else if queued.insert(name).inserted {
      ready.append(name)
      wake()
    }
  }

  /// The next name; nil once the queue is closed.
  func next() async -> ObjectName? {
    if isClosed { return nil }
    if head < ready.count { return take() }
    return await withCheckedContinuation { idle.append($0) }
  }

  /// Gives a name back that `next` handed out.
  ///
  /// - Returns: how long to wait before it is added again, where it failed; it doubles up to half a minute.
  func done(_ name: ObjectName, failed: Bool) -> Duration? {
    active.remove(name)
    if again.remove(name) != nil { add(name) }
    guard failed else {
      failures[name] = nil
      return nil
    }
    let count = failures[name, default: 0]
    failures[name] = count + 1
    return .milliseconds(min(30_000, 50 << min(count, 10)))
  }

  /// Sets an alarm, unless one is set already that rings no later.
  ///
  /// - Returns: what to call `ring` with once the time has come; nil where nobody need sleep for it.
  func schedule(_ name: ObjectName, after wait: Duration) -> Int? {
    if let known = alarms[name], known.wait <= wait { return nil }
    lastAlarm += 1
    alarms[name] = (lastAlarm, wait)
    return lastAlarm
  }

  func ring(_ name: ObjectName, _ alarm: Int) {
    if alarms[name]?.number == alarm { alarms[name] = nil }
    add(name)
  }

  func close() {
    isClosed = true
    for continuation in idle { continuation.resume(returning: nil) }
    idle = []
  }

  private func wake() {
    guard !idle.isEmpty, head < ready.count else { return }
    let continuation = idle.removeFirst()
    continuation.resume(returning: take())
  }

  private func take() -> ObjectName {
    let name = ready[head]
    head += 1
    if head > 512, head * 2 > ready.count {
      ready.removeFirst(head)
      head = 0
    }
    queued.remove(name)
    active.insert(name)
    return name
  }
}
