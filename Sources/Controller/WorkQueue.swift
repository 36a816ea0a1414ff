import ClusterAPI
import Values

/// A queue of cluster names to reconcile. Each name is in the queue at most once, and no two workers get the same
/// name at the same time.
actor WorkQueue {
  private var ready: [ObjectName] = []
  private var head = 0
  private var queued: Set<ObjectName> = []
  private var active: Set<ObjectName> = []
  /// Names that were added again while a worker reconciles them.
  private var again: Set<ObjectName> = []
  private var idle: [CheckedContinuation<ObjectName?, Never>] = []
  private var isClosed = false
  private var failures: [ObjectName: Int] = [:]
  private let backoff = Backoff(first: .milliseconds(50), limit: .seconds(30))
  /// The earliest timer of each name.
  private var timers: [ObjectName: (number: Int, wait: Duration)] = [:]
  private var lastTimer = 0

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

  /// Ends the work on a name that `next` returned.
  ///
  /// - Returns: how long to wait before the name is added again after a failure, nil otherwise. The wait doubles up to
  ///   half a minute.
  func done(_ name: ObjectName, failed: Bool) -> Duration? {
    active.remove(name)
    if again.remove(name) != nil { add(name) }
    guard failed else {
      failures[name] = nil
      return nil
    }
    let count = failures[name, default: 0]
    failures[name] = count + 1
    return backoff.longest(attempt: count)
  }

  /// Sets a timer, unless an earlier or equal one is already set.
  ///
  /// - Returns: the number to call `fire` with once the time has passed; nil if no new timer is needed.
  func schedule(_ name: ObjectName, after wait: Duration) -> Int? {
    if let known = timers[name], known.wait <= wait { return nil }
    lastTimer += 1
    timers[name] = (lastTimer, wait)
    return lastTimer
  }

  func fire(_ name: ObjectName, _ timer: Int) {
    if timers[name]?.number == timer { timers[name] = nil }
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
