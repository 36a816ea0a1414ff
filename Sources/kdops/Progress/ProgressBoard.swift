import Diagnostics
import KubeDirector
import StatusWriter

/// Keeps what is known of each cluster and redraws it on a terminal: at most ten times a second, and only when
/// something changed or a second has gone by.
actor ProgressBoard {
  private let console: Console
  private let clock: any Clock<Duration>
  private let now: @Sendable () -> Int
  private var clusters: [ObjectReference: Entry] = [:]
  private var subjects: [String: String] = [:]
  /// The clusters that each commit changed, to tell which way out there is.
  private var changed: [String: Int] = [:]
  private var isDirty = true

  private struct Entry {
    var status: ClusterStatus?
    var path: String?
  }

  init(console: Console, clock: any Clock<Duration>, now: @escaping @Sendable () -> Int) {
    self.console = console
    self.clock = clock
    self.now = now
  }

  func commit(_ report: CommitReport) {
    if subjects.count > 1000 { (subjects, changed) = ([:], [:]) }
    subjects[report.commit] = report.subject
    changed[report.commit] = report.objects.count { $0.kind == Wire.clusterKind }
    isDirty = true
  }

  /// - Parameter path: the file that says what the cluster shall be.
  func cluster(_ reference: ObjectReference, _ status: ClusterStatus?, path: String?) {
    clusters[reference] = Entry(status: status, path: path)
    isDirty = true
  }

  func clusterGone(_ reference: ObjectReference) {
    clusters[reference] = nil
    isDirty = true
  }

  /// Redraws until the task is cancelled; leaves the last picture standing.
  func run() async {
    guard console.isTerminal else { return }
    var drawn = 0
    while !Task.isCancelled {
      let time = now()
      if isDirty || time != drawn { draw(time) }
      drawn = time
      guard (try? await clock.sleep(for: .milliseconds(100))) != nil else { break }
    }
    draw(now())
    console.settle()
  }

  private func draw(_ time: Int) {
    isDirty = false
    let size = console.size
    let text = ProgressText(width: size.columns - 1, height: size.rows - 1, isColoured: console.isColoured)
    console.show(text.lines(views, now: time))
  }

  private var views: [ClusterView] {
    clusters.map { reference, entry in
      let commit = entry.status?.specCommit ?? ""
      var way: WayOut?
      if let path = entry.path { way = .restoreFile(path) }
      if changed[commit] == 1 { way = .revertCommit }
      return ClusterView(name: "\(reference)", status: entry.status, subject: subjects[commit], way: way)
    }
  }
}
