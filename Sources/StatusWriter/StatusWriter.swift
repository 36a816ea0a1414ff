import Diagnostics
import GitStore
import Reports
import Values

/// Collects the status of commits and clusters and writes it to git: only on change, first verdicts at once,
/// progress at most once per interval.
///
/// Callers that report never wait and never get an error; `state` has the last failure, and the write is
/// retried. What was written is never read back to make a decision.
public actor StatusWriter {
  public struct Settings: Sendable {
    /// The time between two publications of progress.
    public var interval: Duration
    /// The delay after failures.
    public var backoff: Backoff

    public init(
      interval: Duration = .seconds(3), backoff: Backoff = Backoff(first: .seconds(1), limit: .seconds(300))
    ) {
      self.interval = interval
      self.backoff = backoff
    }
  }

  /// The state of the writer, for logs and health checks.
  public struct State: Sendable, Hashable {
    /// Why the last publication failed, with credentials redacted; nil after a success.
    public var lastError: String?
    /// The number of consecutive failed publications.
    public var failures = 0
    /// The number of successful publications.
    public var publications = 0
    /// Whether some status is not written yet.
    public var isPending = false
  }

  public private(set) var state = State()

  private let sink: any StatusSink
  private let owner: StatusOwner?
  private let onSuccess: @Sendable () -> Void
  private let onFailure: @Sendable (String) -> Void
  private let clock: any Clock<Duration>
  private let now: @Sendable () -> Duration
  private var schedule: PublishSchedule
  private var waiting = StatusBatch()
  /// The reports whose notes are not rendered yet. A note contains all objects of its commit, and objects change many
  /// times between two publications, so notes are rendered only when they are published.
  private var unrendered: [String: CommitReport] = [:]
  /// The last reports by commit, so that unchanged content is not written again.
  private var reports = BoundedHistory<String, CommitReport>(limit: 64)
  private var files: [String: [UInt8]] = [:]
  /// The paths of all clusters' files; nil until `clustersAre` is called.
  private var all: Set<String>?
  private var isPublishing = false
  private let signal = AsyncSignal()

  /// - Parameters:
  ///   - owner: the cluster that notes name; nil if they name none.
  ///   - clock: measures intervals.
  ///   - onSuccess: called each time a publication succeeds.
  ///   - onFailure: called each time a publication fails, with one sentence.
  public init(
    sink: any StatusSink, owner: StatusOwner? = nil, settings: Settings = Settings(),
    clock: any Clock<Duration> = ContinuousClock(), onSuccess: @escaping @Sendable () -> Void = {},
    onFailure: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.sink = sink
    self.owner = owner
    self.onSuccess = onSuccess
    self.onFailure = onFailure
    self.clock = clock
    now = Self.stopwatch(clock)
    schedule = PublishSchedule(interval: settings.interval, backoff: settings.backoff)
  }

  private static func stopwatch<C: Clock>(_ clock: C) -> @Sendable () -> Duration
  where C.Duration == Duration {
    let start = clock.now
    return { start.duration(to: clock.now) }
  }

  // MARK: Reporting

  /// Reports the current status of a commit; replaces its earlier report.
  public func report(_ report: CommitReport) {
    let previous = reports[report.commit]
    guard previous != report else { return }
    reports[report.commit] = report
    unrendered[report.commit] = report
    want(urgent: previous == nil)
  }

  /// Reports the current status of one cluster.
  public func clusterChanged(_ file: ClusterFile) {
    guard let path = file.path else { return }
    put(path, file.bytes)
  }

  /// Reports that a cluster was deleted and removes its file.
  public func clusterGone(namespace: String, name: String) {
    guard let path = StatusTree.path(namespace: namespace, name: name) else { return }
    all?.remove(path)
    if files[path] != nil { put(path, nil) }
  }

  /// Sets the list of existing clusters after a start; files of other clusters, from an earlier run, are
  /// removed.
  public func clustersAre(_ all: [(namespace: String, name: String)]) {
    let paths = Set(all.compactMap { StatusTree.path(namespace: $0.namespace, name: $0.name) })
    waiting.keeping = paths
    self.all = paths
    want(urgent: false)
  }

  /// Writes all reported statuses again, for when another writer changed the refs. Content that is still
  /// there is not written.
  public func writeAgain() {
    guard !files.isEmpty || !reports.isEmpty else { return }
    unrendered.merge(reports.all) { newer, _ in newer }
    for (path, bytes) in files where waiting.files[path] == nil {
      waiting.files.updateValue(bytes, forKey: path)
    }
    waiting.keeping = all ?? waiting.keeping
    want(urgent: false)
  }

  private func put(_ path: String, _ bytes: [UInt8]?) {
    guard files[path] != bytes else { return }
    files[path] = bytes
    if bytes != nil { all?.insert(path) }
    waiting.files.updateValue(bytes, forKey: path)
    want(urgent: false)
  }

  private func want(urgent: Bool) {
    schedule.want(urgent: urgent)
    state.isPending = true
    signal.send()
  }

  // MARK: Publishing

  /// Publishes on schedule until the task is cancelled. Then call `flush` to write the pending statuses.
  public func run() async {
    while !Task.isCancelled {
      let sent = signal.sent
      switch schedule.due(now()) {
      case .now where !isPublishing: await publish()
      case .now, .idle: await sleep(after: sent)
      case .at(let time): await sleep(after: sent, until: time)
      }
    }
  }

  /// Writes everything reported so far, at once and without a retry; `state` has the error of a failure.
  public func flush() async {
    while isPublishing { await signal.wait(after: signal.sent) }
    if isAnyPending { await publish() }
  }

  private var isAnyPending: Bool { !waiting.isEmpty || !unrendered.isEmpty }

  private func publish() async {
    for (commit, report) in unrendered { waiting.notes[commit] = NoteText.render(report, of: owner) }
    unrendered = [:]
    let batch = waiting
    waiting = StatusBatch()
    schedule.begin()
    isPublishing = true
    do {
      try await sink.publish(batch)
      schedule.succeed(now())
      state.lastError = nil
      state.failures = 0
      state.publications += 1
      onSuccess()
    } catch {
      waiting.putBack(batch)
      schedule.fail(now(), random: .random(in: 0..<1))
      let words = Redaction.url("\(error)")
      state.lastError = words
      state.failures += 1
      if !Task.isCancelled { onFailure(words) }
    }
    isPublishing = false
    state.isPending = isAnyPending
    signal.send()
  }

  /// Waits for a signal after `sent`, for a time, or for the task's cancellation.
  private func sleep(after sent: Int, until time: Duration? = nil) async {
    await withTaskGroup { group in
      if let time {
        group.addTask { [clock, now] in try? await clock.sleep(for: time - now()) }
      }
      group.addTask { [signal] in await signal.wait(after: sent) }
      await group.next()
      group.cancelAll()
    }
  }
}
