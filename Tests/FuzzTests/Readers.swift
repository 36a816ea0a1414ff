import ClusterAPI
import DesiredState
import Diagnostics
import FoundationEssentials
import KubeDirector
import Manifests
import Plan
import Reports
import Rules
import TestSupport
import Upgrade
import Values
import Views

@testable import Kubernetes

/// All code that reads input from outside, and all code that prints the results.
struct Readers {
  private(set) var check = OutputCheck()
  private static let now = 1_769_850_300

  // MARK: Files of objects

  /// Validates a repository in which one file is replaced, against the original and with the live status, and
  /// prints the result in every format.
  mutating func repository(_ path: String, _ bytes: [UInt8], live: LiveView = .none) {
    let before = Dictionary(uniqueKeysWithValues: Samples.paths.map { ($0, Array(Samples.file($0).utf8)) })
    var after = before
    after[path] = bytes
    let (base, head) = (Self.snapshot(before), Self.snapshot(after))
    for (old, new) in [(Optional(base), head), (head, base), (nil, head)] {
      let judgement = Judge.judge(JudgeRequest(base: old, head: new, live: live, policy: Policy()))
      let report = Report(
        base: old.map { _ in "a" }, head: "b", findings: judgement.findings,
        objects: judgement.objects.map {
          Report.ObjectVerdict(object: $0.reference, change: $0.change, verdict: $0.verdict)
        }, notJudged: judgement.notJudged)
      show(report, [path: SourceText(Array(bytes.prefix(ManifestLimits.standard.bytes)))])
      guard let old else { continue }
      let plan = Planner.plan(
        Planner.Input(report: report, judgement: judgement, base: old, head: new, live: live, statusAge: 60))
      check.inspect(PlanText().render(plan), "the plan", .text)
      check.inspect(PlanMarkdown.render(plan), "the plan as Markdown", .text)
      check.inspect(PlanJSON.render(plan), "the plan as JSON", .data)
    }
  }

  private static func snapshot(_ files: [String: [UInt8]]) -> Snapshot {
    Snapshot(
      files: files.sorted { $0.key < $1.key }.map { ManifestFile.parse(path: $0.key, bytes: $0.value) },
      contents: { files[$0] })
  }

  /// Prints a report in every format.
  private mutating func show(_ report: Report, _ sources: [String: SourceText]) {
    func line(_ file: String, _ number: Int) -> String? { sources[file]?.line(number) }
    check.inspect(HumanRenderer(sourceLine: line).render(report), "the report", .text)
    check.inspect(GitHubAnnotations.render(report), "GitHub's annotations", .data)
    check.inspect(JUnit(sourceLine: line).render(report), "JUnit", .data)
    check.inspect(GitLabCodeQuality.render(report), "GitLab's code quality", .data)
    check.inspect(SARIF(version: "1.0.0", rules: RuleRegistry.help).render(report), "SARIF", .data)
    let json = ReportJSON.render(report)
    check.inspect(json, "JSON", .data)
    check.expect((try? JSON.parse(json)) != nil, "the report as JSON cannot be read")
    for finding in report.findings {
      check.expect(
        finding.message.utf8.count < 1 << 16, "\(finding.rule) says \(finding.message.utf8.count) bytes")
      guard let place = finding.location else { continue }
      check.expect(place.line > 0 && place.column > 0 && place.length > 0, "\(finding.rule) is at \(place)")
    }
  }

  // MARK: Settings

  mutating func layout(_ bytes: [UInt8]) {
    let (layout, findings) = RepositoryLayout.parse(bytes)
    let shown = SourceText(Array(bytes.prefix(ManifestLimits.standard.bytes)))
    show(Report(head: "b", findings: findings), [RepositoryLayout.path: shown])
    guard !findings.contains(where: { $0.severity == .error }) else { return }
    let selection = try? layout.selection()
    check.expect(selection != nil, "a layout without findings selects nothing")
    _ = selection?.contains("apps/a/b/c/spark-1.0.0.json")
  }

  mutating func kubeconfig(_ bytes: [UInt8], in folder: TemporaryFolder) throws {
    let path = folder.path + "/config"
    try Data(bytes).write(to: URL(filePath: path))
    do throws(ConnectionError) {
      let selection = try Kubeconfig([path], missingIsFine: false).selection(nil)
      if let address = (try? selection.cluster.text("server")).flatMap(\.self).flatMap(ServerAddress.init) {
        check.expect((1...65_535).contains(address.port), "a kubeconfig's port is \(address.port)")
      }
    } catch {
      check.expect(!error.message.isEmpty, "a kubeconfig is refused without a word")
    }
  }

  // MARK: Files written by daemons

  mutating func note(_ bytes: [UInt8]) {
    guard let body = NoteText.body(of: String(decoding: bytes, as: UTF8.self)) else { return }
    note(SettingsFile(path: "note", bytes: Array(body.utf8)).json)
  }

  mutating func note(_ json: JSON?) {
    guard let report = json.flatMap(CommitReport.init) else { return }
    for progress in report.objects.compactMap(\.upgrade) {
      check.expect(
        progress.done >= 0 && progress.total >= 0, "a note's sums are \(progress.done) and \(progress.total)")
    }
    let text = NoteText.render(report)
    check.inspect(text, "the note", .text)
    check.expect(text.utf8.count <= NoteText.sizeLimit, "the note has \(text.utf8.count) bytes")
  }

  mutating func statusFile(_ bytes: [UInt8]) {
    statusFile(SettingsFile(path: "prod/analytics.yaml", bytes: bytes).json)
  }

  mutating func statusFile(_ json: JSON?) {
    guard let file = json.flatMap({ ClusterFile(path: "prod/analytics.yaml", $0) }) else { return }
    check.inspect(String(decoding: file.bytes, as: UTF8.self), "the status tree", .text)
    var live = LiveView(source: .tree(commit: "c", age: 60))
    live.hold(.cluster("prod", "analytics"), status: file.status)
    repository(SmallFleet.cluster, Array(SmallFleet.analytics("1.1.0").utf8), live: live)
  }

  // MARK: Live objects

  /// Prints a cluster with this status, and has the engine decide the next step.
  mutating func cluster(_ object: JSON, status: JSON) {
    var object = object
    object["status"] = status
    let live = Object(object)
    for width in [20, 120] {
      let text = StatusText(width: width)
      let history = ClusterStatus(status)?.journal ?? Journal()
      let lines =
        text.list([live]) + text.detail(live) + HistoryText(width: width, now: Self.now).lines(live, history)
      check.inspect(lines.joined(separator: "\n"), "the status", .text)
    }
    if let known = ClusterStatus(status) {
      check.expect(ClusterStatus(known.json)?.json == known.json, "a status is not read as it was written")
    }
    guard let cluster = Cluster(object) else { return }
    var view = LiveView(source: .cluster)
    view.hold(.cluster("prod", "analytics"), status: ClusterStatus(status))
    repository(SmallFleet.cluster, Array(SmallFleet.analytics("1.1.0").utf8), live: view)
    let apps = Samples.paths.compactMap { path in (try? JSON.parse(Samples.file(path))).flatMap(App.init) }
    var observed = Observation(
      cluster: cluster, isStamped: true, status: ClusterStatus(status),
      apps: Dictionary(apps.map { ($0.metadata.name, $0.spec) }, uniquingKeysWith: { one, _ in one }),
      now: Self.now)
    for _ in 0..<3 { observed.status = ClusterMachine.step(observed)?.status ?? observed.status }
    if let next = observed.status {
      check.expect(
        next.members.count <= 4 * ClusterSpec.memberLimit, "the engine wants \(next.members.count) members")
    }
  }
}
