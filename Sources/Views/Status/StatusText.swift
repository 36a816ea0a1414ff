import ClusterAPI
import Diagnostics
import KubeDirector
import Reports
import Values

/// Shows clusters to people: one line each, or one cluster with its members.
public struct StatusText {
  let width: Int
  let isColoured: Bool
  let flags: String
  private static let columnLimit = 80

  /// - Parameters:
  ///   - width: The width of the terminal in cells.
  ///   - flags: The flags that select the cluster in a command to copy, with a space before each.
  public init(width: Int = 120, isColoured: Bool = false, flags: String = "") {
    (self.width, self.isColoured, self.flags) = (width, isColoured, flags)
  }

  /// One aligned line per cluster. A problem is shown below its line if it does not fit beside it.
  ///
  /// - Parameter now: In whole seconds since 1970; adds members, age and file to each line. Nil for the short form.
  public func list(_ clusters: [Object], wide now: Int? = nil) -> [String] {
    guard !clusters.isEmpty else { return ["no clusters"] }
    let statuses = clusters.map { ClusterStatus($0.json["status"]) }
    let views = zip(clusters, statuses).map { ClusterView(name: "\($0.objectName)", status: $1) }
    // Every line is padded to the longest. The app in a status may be arbitrary text, so its width is
    // limited.
    let apps = zip(clusters, views).map { StyledLine.cut(Self.apps($0, $1), to: Self.columnLimit) }
    let names = min(views.map { StyledLine.width(of: $0.name) }.max() ?? 0, Self.columnLimit)
    let words = views.map(\.state.word.count).max() ?? 0
    let widest = apps.map { StyledLine.width(of: $0) }.max() ?? 0
    return clusters.indices.flatMap { index in
      let (object, status, view, app) = (clusters[index], statuses[index], views[index], apps[index])
      var line = StyledLine(view.name, .bold)
      line.pad(to: names + 3)
      line.append(view.state.word, view.state.style)
      line.pad(to: names + words + 6)
      line.append(app)
      line.pad(to: names + words + widest + 9)
      if let commit = view.commit { line.append("commit \(commit)", .dim) }
      if object.isSuspended { line.append("   suspended", .yellow) }
      if let now { line.append(Self.more(object, status, now), .dim) }
      var lines = [line]
      if let stall = status?.stall?.message {
        if line.width + 3 + StyledLine.width(of: stall) <= width {
          lines[0].append("   \(stall)", .red)
        } else {
          lines += sentences(stall, .red)
        }
      }
      return lines.map { $0.text(width: width, coloured: isColoured) }
    }
  }

  /// The columns of the wide form. What is unknown is left out.
  private static func more(_ cluster: Object, _ status: ClusterStatus?, _ now: Int) -> String {
    var out = ""
    if let members = status?.members, !members.isEmpty {
      out += "   \(members.count { $0.state == .configured })/\(members.count) members"
    }
    if let created = cluster.json["metadata"]?["creationTimestamp"]?.string.flatMap(Timestamp.seconds) {
      out += "   created \(SecondsText.exact(now - created)) ago"
    }
    if let path = cluster.annotation(Wire.Annotation.path) { out += "   \(path)" }
    return out
  }

  /// One cluster with every member.
  public func detail(_ cluster: Object) -> [String] {
    guard let status = ClusterStatus(cluster.json["status"]) else {
      return [TerminalText.visible("\(cluster.objectName)   not yet processed by the engine")]
    }
    let view = ClusterView(name: "\(cluster.objectName)", status: status)
    var head = StyledLine(view.name, .bold)
    head.append("   ")
    head.append(view.state.word, view.state.style)
    head.append("   \(Self.apps(cluster, view))")
    if let commit = view.commit { head.append("   commit \(commit)", .dim) }
    var lines = [head]
    if let path = cluster.annotation(Wire.Annotation.path) {
      lines.append(StyledLine("  file   \(path)", .dim))
    }
    if cluster.isSuspended {
      lines.append(StyledLine("  suspended; to resume: \(resumeCommand(cluster))", .yellow))
    }
    if let stall = status.stall {
      lines += sentences(stall.message, .red)
    } else if let progress = status.condition(.progressing), progress.status {
      // The direction is shown above. The reasons for waiting are shown only here.
      lines += ProgressMessage(progress.message).waits.flatMap { wrapped($0.text, .yellow) }
    }
    if let change = status.condition(.progressing), Self.changeReasons.contains(change.reason) {
      lines += sentences("\(change.reason.rawValue.lowercased()): \(change.message)", .yellow)
    }
    let pods = status.members.map { StyledLine.width(of: $0.pod) }.max() ?? 0
    for role in status.roles {
      var line = StyledLine("  \(role.id)")
      if let upgrade = role.upgradeStatus { line.append("   \(upgrade.rawValue)") }
      if role.members.isEmpty, let members = Self.members(cluster, role.id) {
        line.append("   \(members == 1 ? "1 member" : "\(members) members")")
      }
      lines.append(line)
      for member in role.members.reversed() { lines += self.lines(member, pods, of: cluster) }
    }
    return lines.map { $0.text(width: width, coloured: isColoured) }
  }

  /// How to resume a suspended cluster. If the annotation comes from git, it has to be removed in git.
  private func resumeCommand(_ cluster: Object) -> String {
    let key = Wire.Annotation.suspend
    return cluster.isCarried("a:\(key)")
      ? "remove \(key) from \(cluster.annotation(Wire.Annotation.path) ?? "its file")"
      : "kdops resume \(cluster.objectName)\(flags)"
  }

  /// The condition reasons for a latest change that the cluster itself does not know about. They come from
  /// the status tree.
  private static let changeReasons: Set<StatusReason> = [.waiting, .rejected]

  /// The desired number of members of a role, if they are only counted.
  private static func members(_ cluster: Object, _ role: String) -> Int? {
    cluster.json["spec"]?["roles"]?.array?.first { $0["id"]?.string == role }?["members"]?.count()
  }

  /// The problem, and the remediation command on lines of its own, so that it can be copied. Nothing is cut off, even
  /// on a narrow screen.
  private func sentences(_ message: String, _ style: StyledLine.Style) -> [StyledLine] {
    let (words, command) = RestoreCommand.split(message)
    let parts = words.split(separator: "; ").map(String.init)
    var sentences = [words]
    if parts.count > 1, let last = parts.last {
      sentences = [parts.dropLast().joined(separator: "; "), last]
    }
    let commands = command.map { ProgressText.broken($0, to: width - 2) } ?? []
    return sentences.flatMap { wrapped($0, style) } + commands.map { StyledLine("  \($0)", style) }
  }

  private func wrapped(_ text: String, indent: Int = 2, _ style: StyledLine.Style?) -> [StyledLine] {
    BlockedChangeText.wrapped(text, to: max(20, width - indent)).map {
      StyledLine(String(repeating: " ", count: indent) + $0, style)
    }
  }

  /// A member; its problem is below it if it does not fit beside it, and then the end of a failed script's output.
  private func lines(_ member: MemberStatus, _ width: Int, of cluster: Object) -> [StyledLine] {
    let cell = ClusterView.Role.cellInTheMaking(member)
    var line = StyledLine("    ")
    line.append("\(cell.rawValue)", cell.style)
    line.append(" \(member.pod)")
    line.pad(to: width + 9)
    line.append(member.podUpgradeStatus?.rawValue ?? member.state.rawValue)
    line.pad(to: width + 27)
    line.append(member.app ?? "", .dim)
    let detail = member.detail
    let why =
      detail.configError ?? detail.schedulingError
      ?? detail.waitingReason.map { reason in
        detail.waitingMessage.map { "\(reason): \($0)" } ?? reason.rawValue
      }
    guard let why else { return [line] }
    if line.width + 3 + StyledLine.width(of: why) <= self.width {
      line.append("   \(why)", .red)
      return [line] + output(of: member, cluster)
    }
    return [line] + wrapped(why, indent: 8, .red) + output(of: member, cluster)
  }

  /// The number of lines of a failed script's output that are shown.
  private static let outputLines = 5

  /// The last lines of a failed script: of its errors, or of its output if it wrote no errors.
  private func output(of member: MemberStatus, _ cluster: Object) -> [StyledLine] {
    let detail = member.detail
    guard detail.configError != nil, let text = detail.lastStderr ?? detail.lastStdout else { return [] }
    let lines = text.split(whereSeparator: \.isNewline).suffix(Self.outputLines)
    guard !lines.isEmpty else { return [] }
    return lines.map { StyledLine("        | \($0)", .dim) } + [
      StyledLine("        all output: kdops logs \(cluster.objectName)/\(member.pod)\(flags)", .dim)
    ]
  }

  private static func apps(_ cluster: Object, _ view: ClusterView) -> String {
    let app = view.app.isEmpty ? cluster.json["spec"]?["app"]?.string ?? "" : view.app
    return view.fromApp.map { "\($0) → \(app)" } ?? app
  }
}

extension ClusterView.State {
  var style: StyledLine.Style? {
    switch self {
    case .stalled: .red
    case .rollingBack, .upgrading, .changing: .yellow
    case .configured: .green
    }
  }
}
