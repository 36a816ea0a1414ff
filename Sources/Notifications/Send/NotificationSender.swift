import Diagnostics
import Logging
import Reports
import Values

/// Sends notifications to their targets: at least once, and in order for each target.
///
/// Callers never wait for the network. What is not delivered is stored, and sent by the next daemon. No other decision
/// depends on notifications.
public actor NotificationSender {
  private let targets: [NotificationTarget]
  private let store: any OutboxStore
  private let connection: DeliveryConnection
  private let logger: Logger
  private let clock: any Clock<Duration>
  private let now: @Sendable () -> Int
  private let backoff: Backoff

  private var announcer = Announcer()
  private var outbox: Outbox
  /// Events before the record was read. They are judged after that, because it may say that they are announced already.
  private var early: [Event]? = []
  /// The logged problems by target; each is logged once, until a request succeeds again.
  private var loggedProblems: [String: String] = [:]
  private let news: [String: Signal]
  private let changes = Signal()

  /// The largest number of events that wait for the record.
  private static let earlyLimit = 1024
  /// The retry interval while intervention is required.
  static let interventionInterval = Duration.seconds(300)

  private enum Event: Sendable {
    case commit(CommitReport)
    case drift(ObjectReference, path: String)
    case reverted(ObjectReference, commit: String)
    case fetched(String?)
  }

  /// A request to check a queue again.
  private struct Signal: Sendable {
    let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func send() { continuation.yield() }
  }

  /// - Parameters:
  ///   - installation: the name of the daemon's installation, which notifications contain.
  ///   - now: in seconds since 1970.
  public init(
    _ targets: [NotificationTarget], installation: String, store: any OutboxStore, logger: Logger,
    clock: any Clock<Duration> = ContinuousClock(), now: @escaping @Sendable () -> Int,
    backoff: Backoff = Backoff(first: .seconds(1), limit: .seconds(300))
  ) {
    self.targets = targets
    self.store = store
    self.logger = logger
    self.clock = clock
    self.now = now
    self.backoff = backoff
    connection = DeliveryConnection(installation: installation)
    outbox = Outbox(targets)
    news = Dictionary(targets.map { ($0.name, Signal()) }, uniquingKeysWith: { first, _ in first })
  }

  /// Announces what is new in the report of a commit.
  public func commit(_ report: CommitReport) { take(.commit(report)) }

  /// Announces that an object was edited outside of git, and matches its file again.
  public func drift(of object: ObjectReference, path: String) { take(.drift(object, path: path)) }

  /// Announces that a commit of the daemon reverted a stalled upgrade.
  public func reverted(_ object: ObjectReference, by commit: String) {
    take(.reverted(object, commit: commit))
  }

  /// Takes the result of a fetch. A notification is sent when fetches have failed for some time.
  ///
  /// - Parameter error: nil if the fetch has succeeded.
  public func fetched(_ error: String?) { take(.fetched(error)) }

  /// Sends notifications until the task is cancelled.
  public func run() async {
    guard await restore() else { return }
    await withDiscardingTaskGroup { group in
      group.addTask { await self.keepStored() }
      for target in targets { group.addTask { await self.deliver(to: target) } }
    }
  }

  /// Sends what is left, until a target has to wait, stores the rest, and closes the connections.
  ///
  /// - Parameter limit: the longest time for sending, and for storing. Short, because the status in git is written after
  ///   it.
  public func close(within limit: Duration = .milliseconds(500)) async {
    if early == nil {
      // Stored first as well, because the daemon may be killed while it sends.
      await Self.run(within: limit) { await self.save() }
      await Self.run(within: limit) { await self.deliverRest() }
      await Self.run(within: limit) { await self.save() }
    }
    await connection.close()
  }

  private static func run(within limit: Duration, _ work: @escaping @Sendable () async -> Void) async {
    await withTaskGroup { group in
      group.addTask { await work() }
      group.addTask { try? await Task.sleep(for: limit) }
      await group.next()
      group.cancelAll()
    }
  }

  private func deliverRest() async {
    await withDiscardingTaskGroup { group in
      for target in targets { group.addTask { await self.deliverRest(to: target) } }
    }
  }

  private func deliverRest(to target: NotificationTarget) async {
    var failures = 0
    while let next = outbox.next(target.name), !Task.isCancelled {
      if await deliver(next, to: target, &failures) != nil { return }
    }
  }

  /// The number of notifications that are not delivered yet.
  var backlog: Int { outbox.count }

  // MARK: Events

  private func take(_ event: Event) {
    guard early == nil else {
      if (early?.count ?? 0) < Self.earlyLimit { early?.append(event) }
      return
    }
    announce(event)
  }

  private func announce(_ event: Event) {
    let time = now()
    let new =
      switch event {
      case .commit(let report): announcer.commit(report, now: time)
      case .drift(let object, let path): announcer.drift(of: object, path: path, now: time)
      case .reverted(let object, let commit): announcer.reverted(object, by: commit, now: time)
      case .fetched(let error): announcer.fetched(error, now: time)
      }
    guard !new.isEmpty else { return }
    for notification in new {
      for target in outbox.put(notification) { news[target]?.send() }
    }
    changes.send()
  }

  // MARK: The record

  /// Reads the record of an earlier daemon.
  ///
  /// - Returns: false if the task was cancelled.
  private func restore() async -> Bool {
    var failures = 0
    while !Task.isCancelled {
      do {
        let record = try await store.read().flatMap { NotificationRecord($0) }
        announcer = Announcer(ids: record?.ids ?? [])
        if let record { outbox.restore(record.outbox) }
        let waiting = early ?? []
        early = nil
        for event in waiting { announce(event) }
        for signal in news.values { signal.send() }
        return true
      } catch {
        logger.warning("notification.unread", metadata: ["error": "\(error)"])
        guard await pause(&failures) else { return false }
      }
    }
    return false
  }

  private func keepStored() async {
    var failures = 0
    for await _ in changes.stream {
      while await !save() {
        guard await pause(&failures) else { return }
      }
      failures = 0
    }
  }

  /// Stores the record; returns whether that succeeded.
  @discardableResult
  private func save() async -> Bool {
    do {
      try await store.write(NotificationRecord(outbox: outbox.json, ids: announcer.rememberedIDs).json)
      return true
    } catch {
      logger.warning("notification.unwritten", metadata: ["error": "\(error)"])
      return false
    }
  }

  /// Waits before a retry; returns false if the task was cancelled.
  private func pause(_ failures: inout Int) async -> Bool {
    let wait = backoff.delay(attempt: failures)
    failures += 1
    return (try? await clock.sleep(for: wait)) != nil
  }

  // MARK: Delivery

  private func deliver(to target: NotificationTarget) async {
    guard let signal = news[target.name] else { return }
    var failures = 0
    for await _ in signal.stream {
      while let next = outbox.next(target.name), !Task.isCancelled {
        guard let wait = await deliver(next, to: target, &failures) else { continue }
        guard (try? await clock.sleep(for: wait)) != nil else { return }
      }
    }
  }

  /// Sends one notification.
  ///
  /// - Returns: the delay before the next attempt; nil if this notification is finished.
  private func deliver(
    _ notification: StatusNotification, to target: NotificationTarget, _ failures: inout Int
  ) async -> Duration? {
    let dropped = outbox.takeDropped(target.name)
    if dropped > 0 {
      logger.warning("notification.dropped", metadata: ["target": "\(target.name)", "count": "\(dropped)"])
    }
    switch await connection.send(notification, to: target, now: now()) {
    case .unusable(let words):
      complain(words, about: target)
      return Self.interventionInterval
    case .unreachable(let words): return later(nil, words, target, &failures)
    case .answered(let answer):
      switch answer.meaning {
      case .delivered:
        failures = 0
        loggedProblems[target.name] = nil
      case .later(let pause): return later(pause, "it answers \(answer.code)", target, &failures)
      case .refused(let words):
        complain(words, about: target)
        return Self.interventionInterval
      case .hopeless: complain("it does not accept a notification (\(answer.code))", about: target)
      }
      outbox.remove(notification, of: target.name)
      changes.send()
      return nil
    }
  }

  private func later(
    _ pause: Duration?, _ words: String, _ target: NotificationTarget, _ failures: inout Int
  ) -> Duration {
    let wait = max(pause ?? .zero, backoff.delay(attempt: failures))
    failures += 1
    logger.info(
      "notification.later",
      metadata: ["target": "\(target.name)", "reason": "\(words)", "retry": "\(wait)"])
    return wait
  }

  private func complain(_ words: String, about target: NotificationTarget) {
    guard loggedProblems.updateValue(words, forKey: target.name) != words else { return }
    logger.warning("notification.refused", metadata: ["target": "\(target.name)", "reason": "\(words)"])
  }
}
