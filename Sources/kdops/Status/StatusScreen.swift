import ClusterAPI
import Diagnostics
import FoundationEssentials
import KubeDirector
import Reports
import Values
import Views

/// Writes a snapshot in the requested format.
struct StatusScreen {
  let format: ObjectFormat
  /// Whether one cluster is shown with its members.
  let isSingle: Bool
  let watches: Bool
  let showsHistory: Bool
  /// Whether one line per role and one cell per pod are drawn, as in `kdops run`.
  let isProgress: Bool
  /// The flags that select the cluster in a command to copy.
  let flags: String
  let console: Console

  private var now: Int { Int(Date().timeIntervalSince1970) }
  private var columns: Int { console.isTerminal ? console.size.columns - 1 : 200 }

  func show(_ snapshot: StatusSnapshot) throws {
    switch format {
    case .name:
      for cluster in snapshot.clusters { try Streams.output.result("\(cluster.objectName)\n") }
    case .json, .yaml: try showJSON(snapshot)
    case .human, .wide:
      let daemon = DaemonText(width: columns, isColoured: console.isColoured, now: now).lines(snapshot.daemon)
      let clusters = isProgress ? progress(snapshot, taken: daemon.count) : lines(snapshot)
      let age = snapshot.age.map(TerminalText.visible)
      // If the daemon does not run, this is shown above the clusters, which would otherwise appear to
      // progress.
      let lines = snapshot.daemon.isDead ? daemon + clusters + age : clusters + age + daemon
      if watches, console.isTerminal { return console.show(Array(lines.prefix(console.size.rows - 1))) }
      for line in lines { try Streams.output.result(console.shown(line) + "\n", .styled) }
    }
  }

  private func showJSON(_ snapshot: StatusSnapshot) throws {
    let isYAML = format == .yaml
    // Each document of a stream has a mark that separates it from the one before.
    func write(_ json: JSON) throws {
      if isYAML, watches { try Streams.output.result("---\n") }
      try Streams.output.result(json, asYAML: isYAML, pretty: !watches)
    }
    if showsHistory {
      for cluster in snapshot.clusters { try write(HistoryJSON.json(cluster, Self.journal(of: cluster))) }
      return
    }
    let objects = snapshot.clusters.map(\.json)
    var json: JSON =
      isSingle ? objects.first ?? .null : ["apiVersion": "v1", "kind": "List", "items": .array(objects)]
    json["daemon"] = snapshot.daemon.json
    json["asOf"] = snapshot.origin
    if !snapshot.blocked.isEmpty { json["held"] = .array(snapshot.blocked.changes.map(\.json)) }
    try write(json)
  }

  /// One line per role and one cell per pod.
  ///
  /// - Parameter taken: The number of lines that other output needs.
  func progress(_ snapshot: StatusSnapshot, taken: Int) -> [String] {
    let now = now
    let frame = FrameText(width: columns, isColoured: console.isColoured)
    // Errors of the daemon are part of its own lines.
    let header = frame.header(
      RepositoryView(fetched: snapshot.daemon.fetched, head: snapshot.head), now: now)
    let legend = snapshot.clusters.isEmpty ? [] : [frame.legend]
    let rows = max(0, console.size.rows - 1 - taken - header.count - legend.count)
    let problem = problemLines(snapshot)
    // Blocked changes and the reason why they are unknown leave at least half of the terminal for the clusters.
    let blocked =
      BlockedChangeText(
        width: columns, isColoured: console.isColoured, height: max(0, rows / 2 - problem.count)
      ).lines(snapshot.blocked) + problem
    let text = ProgressText(
      width: columns, height: max(0, rows - blocked.count), isColoured: console.isColoured)
    let views = snapshot.clusters.map { cluster in
      let view = ClusterView(
        name: "\(cluster.objectName)", status: ClusterStatus(cluster.json["status"]),
        path: cluster.annotation(Wire.Annotation.path), whole: isSingle)
      return snapshot.daemon.isDead ? view.withoutTimers : view
    }
    let clusters = isSingle ? views.flatMap { text.lines($0, now: now) } : text.lines(views, now: now)
    return header + clusters + blocked + legend
  }

  /// Why blocked changes are unknown, in lines of the terminal's width.
  private func problemLines(_ snapshot: StatusSnapshot) -> [String] {
    snapshot.blockedProblem.map { BlockedChangeText.wrapped($0, to: max(20, columns)) } ?? []
  }

  private func lines(_ snapshot: StatusSnapshot) -> [String] {
    let clusters = snapshot.clusters
    if showsHistory {
      var now = now
      // Unfinished steps have not progressed since the daemon ended, so their time stops there.
      if case .notRunning(let seen?) = snapshot.daemon.life { now = min(now, seen) }
      let text = HistoryText(width: columns, isColoured: console.isColoured, now: now)
      return clusters.flatMap { text.lines($0, Self.journal(of: $0)) }
    }
    let text = StatusText(width: columns, isColoured: console.isColoured, flags: flags)
    var blocked = BlockedChangeText(width: columns, isColoured: console.isColoured).lines(snapshot.blocked)
    blocked += problemLines(snapshot)
    if isSingle { return clusters.flatMap { text.detail($0) } + blocked }
    if !blocked.isEmpty { blocked.insert("", at: 0) }
    return text.list(clusters, wide: format == .wide ? now : nil) + blocked
  }

  private static func journal(of cluster: Object) -> Journal { Journal(cluster.json["status"]?["journal"]) }
}
