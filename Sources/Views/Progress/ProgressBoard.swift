import Diagnostics
import KubeDirector
import Logging
import Reports
import Values

/// Keeps the state of each cluster and redraws it on a terminal: at most ten times a second, and only when
/// something changed or a second has passed.
public actor ProgressBoard {
  private let console: Console
  private let clock: any Clock<Duration>
  private let now: @Sendable () -> Int
  private var clusters: [ObjectReference: Entry] = [:]
  private var subjects = BoundedHistory<String, String>(limit: 1000)
  private var blocked = BlockedChangeList()
  private var repository = RepositoryView()
  /// The last reported phase of each commit.
  private var said = BoundedHistory<String, Phase>(limit: 1000)
  private var isDirty = true

  private struct Entry {
    var status: ClusterStatus?
    var path: String?
  }

  /// - Parameters:
  ///   - clock: Measures the time between two redraws.
  ///   - now: In whole seconds since 1970.
  public init(console: Console, clock: any Clock<Duration>, now: @escaping @Sendable () -> Int) {
    self.console = console
    self.clock = clock
    self.now = now
  }

  /// Prints a permanent line when a commit's phase has changed.
  public func commit(_ report: CommitReport, _ logger: Logger?) {
    subjects[report.commit] = report.subject
    isDirty = true
    guard said[report.commit] != report.phase else { return }
    said[report.commit] = report.phase
    guard !console.isTerminal, let logger else {
      return console.line("\(report.commit.prefix(7)) \(report.sentence)")
    }
    logger.info(
      "commit.\(report.phase.rawValue)",
      metadata: ["commit": "\(report.commit.prefix(7))", "summary": "\(report.sentence)"])
  }

  /// Updates the status of a cluster.
  ///
  /// - Parameter path: The file of the cluster's desired state.
  public func cluster(_ reference: ObjectReference, _ status: ClusterStatus?, path: String?) {
    clusters[reference] = Entry(status: status, path: path)
    isDirty = true
  }

  /// Removes a deleted cluster.
  public func clusterGone(_ reference: ObjectReference) {
    clusters[reference] = nil
    isDirty = true
  }

  /// Replaces the list of blocked changes.
  public func blocked(_ changes: BlockedChangeList) {
    blocked = changes
    isDirty = true
  }

  /// Records the end of a fetch, with the error if it failed.
  public func fetched(_ problem: String?) {
    if problem == nil { repository.fetched = now() }
    repository.problem = problem
    isDirty = true
  }

  /// Records the head of the branch that is reconciled.
  public func head(_ commit: String) {
    repository.head = commit
    isDirty = true
  }

  /// The blocked changes that were received last.
  public var blockedChanges: BlockedChangeList { blocked }

  /// Redraws until the task is cancelled, and leaves the last drawing visible. Without a terminal it only
  /// waits.
  public func run() async {
    var drawn = 0
    while !Task.isCancelled {
      guard console.isTerminal else {
        try? await clock.sleep(for: .seconds(86_400))
        continue
      }
      let time = now()
      if isDirty || time != drawn { draw(time) }
      drawn = time
      guard (try? await clock.sleep(for: .milliseconds(100))) != nil else { break }
    }
    guard console.isTerminal else { return }
    draw(now())
    console.settle()
  }

  /// The lines of one cluster, to be printed once.
  public func lines(of reference: ObjectReference) -> [String] {
    let text = ProgressText(width: console.size.columns - 1, isColoured: console.isColoured)
    return text.lines(clusters.filter { $0.key == reference }.map { view($0.key, $0.value) }, now: now())
  }

  private func draw(_ time: Int) {
    isDirty = false
    let size = console.size
    let views = views
    let frame = FrameText(width: size.columns - 1, isColoured: console.isColoured)
    repository.subject = repository.head.flatMap { subjects[$0] }
    let header = frame.header(repository, now: time)
    let legend = views.contains { $0.state != .configured } ? [frame.legend] : []
    let rows = max(0, size.rows - 1 - header.count - legend.count)
    // Blocked changes leave at least half of the screen for the clusters.
    let blocked = BlockedChangeText(
      width: size.columns - 1, isColoured: console.isColoured, height: rows / 2
    ).lines(blocked)
    let text = ProgressText(
      width: size.columns - 1, height: rows - blocked.count, isColoured: console.isColoured)
    let lines = header + text.lines(views, now: time) + blocked + legend
    console.show(Array(lines.prefix(max(0, size.rows - 1))))
  }

  private var views: [ClusterView] { clusters.map { view($0.key, $0.value) } }

  private func view(_ reference: ObjectReference, _ entry: Entry) -> ClusterView {
    let commit = entry.status?.specCommit ?? ""
    return ClusterView(
      name: "\(reference)", status: entry.status, subject: subjects[commit], path: entry.path)
  }
}
