import Diagnostics
import GitStore

/// Collects what became of commits and clusters, and writes it back to git: on change only, first verdicts at
/// once, progress at most once an interval.
///
/// Whoever reports never waits and never sees an error; what goes wrong is told by `state` and tried again.
/// Nothing that was written is ever read to decide anything.
public actor StatusWriter {
  public struct Settings: Sendable {
    /// Between two publications of progress.
    public var interval: Duration
    /// After failures.
    public var backoff: Backoff

    public init(
      interval: Duration = .seconds(3), backoff: Backoff = Backoff(first: .seconds(1), limit: .seconds(300))
    ) {
      self.interval = interval
      self.backoff = backoff
    }
  }

  /// How the writing goes, for logs and health.
  public struct State: Sendable, Hashable {
    /// Why the last publication failed, credentials cut out; nil after a success.
    public var lastError: String?
    /// How many publications in a row have failed.
    public var failures = 0
    /// How many publications succeeded.
    public var publications = 0
    /// Something is not yet written.
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
  /// What was last handed over of each, so that the same is not written twice.
  private var notes = RecentNotes(limit: 64)
  private var files: [String: [UInt8]] = [:]
  /// The files of all clusters there are; nil while that was not said.
  private var all: Set<String>?
  private var isPublishing = false
  private let bell = Bell()

  /// - Parameters:
  ///   - owner: the cluster that notes name; nil where they name none.
  ///   - clock: measures intervals.
  ///   - onSuccess: told each time a publication succeeds.
  ///   - onFailure: told each time a publication fails, with one sentence.
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

  // MARK: News

  /// Takes in the newest state of a commit; replaces what was reported of it before.
  public func report(_ report: CommitReport) {
    let text = NoteText.render(report, of: owner)
    guard notes[report.commit] != text else { return }
    let isFirst = notes[report.commit] == nil
    notes[report.commit] = text
    waiting.notes[report.commit] = text
    want(urgent: isFirst)
  }

  /// Takes in the newest state of one cluster.
  public func clusterChanged(_ file: ClusterFile) {
    guard let path = file.path else { return }
    put(path, file.bytes)
  }

  /// A cluster is no more: its file goes.
  public func clusterGone(namespace: String, name: String) {
    guard let path = StatusTree.path(namespace: namespace, name: name) else { return }
    all?.remove(path)
    if files[path] != nil { put(path, nil) }
  }

  /// Says which clusters there are, after a start: files of others, left behind by an earlier run, go.
  public func clustersAre(_ all: [(namespace: String, name: String)]) {
    let paths = Set(all.compactMap { StatusTree.path(namespace: $0.namespace, name: $0.name) })
    waiting.keeping = paths
    self.all = paths
    want(urgent: false)
  }

  /// Writes everything that was reported again, where it is no longer there: somebody else wrote to the refs.
  public func writeAgain() {
    guard !files.isEmpty || !notes.isEmpty else { return }
    waiting.notes.merge(notes.all) { newer, _ in newer }
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
    bell.ring()
  }

  // MARK: Writing

  /// Publishes when it is time, until the task is cancelled. What is then unwritten, `flush` writes.
  public func run() async {
    while !Task.isCancelled {
      let rings = bell.rings
      switch schedule.due(now()) {
      case .now where !isPublishing: await publish()
      case .now, .idle: await sleep(after: rings)
      case .at(let time): await sleep(after: rings, until: time)
      }
    }
  }

  /// Writes everything reported so far, now. One try: what fails is told by `state`.
  public func flush() async {
    while isPublishing { await bell.wait(after: bell.rings) }
    if !waiting.isEmpty { await publish() }
  }

  private func publish() async {
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
    state.isPending = !waiting.isEmpty
    bell.ring()
  }

  /// Waits for news since `rings`, or until a time, or until the task is cancelled.
  private func sleep(after rings: Int, until time: Duration? = nil) async {
    await withTaskGroup { group in
      if let time {
        group.addTask { [clock, now] in try? await clock.sleep(for: time - now()) }
      }
      group.addTask { [bell] in await bell.wait(after: rings) }
      await group.next()
      group.cancelAll()
    }
  }
}

/// The notes of the commits last reported; commits are many, and only the last ones still change.
private struct RecentNotes {
  let limit: Int
  private var texts: [String: String] = [:]
  private var order: [String] = []

  init(limit: Int) { self.limit = limit }

  var isEmpty: Bool { texts.isEmpty }
  var all: [String: String] { texts }

  subscript(commit: String) -> String? {
    get { texts[commit] }
    set {
      if texts.updateValue(newValue ?? "", forKey: commit) == nil {
        order.append(commit)
        if order.count > limit { texts[order.removeFirst()] = nil }
      }
    }
  }
}
