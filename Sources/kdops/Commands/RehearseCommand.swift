import ArgumentParser
import DesiredState
import Diagnostics
import EmbeddedCluster
import FoundationEssentials
import GitStore
import KubeDirector
import Plan
import Rehearsal
import Rules
import UnixSignals
import Validation

/// `kdops rehearse`: applies a merge to a temporary cluster.
struct RehearseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rehearse",
    abstract:
      "Run a merge on a temporary cluster with the real startscripts: to the end, and rolled back from the middle.",
    discussion: """
      Only clusters that change are created, with their apps; the objects that they connect to are not. Images are \
      those of .kdops.yaml. Nothing is written to the repository.

      Exit codes: 0 passed, 1 something failed or would be rejected, 2 it could not be run.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case human
    case json
  }

  @Option(help: ArgumentHelp("The revision that would be merged into.", valueName: "rev"))
  var base: String

  @Option(help: ArgumentHelp("The revision that would be merged.", valueName: "rev"))
  var head = "HEAD"

  @Option(help: ArgumentHelp("Only this cluster; can be repeated.", valueName: "ns/name"))
  var cluster: [String] = []

  @Option(help: "The time limit of each step: 90s, 10m.")
  var timeout = "10m"

  @Flag(help: "Keep the folder for inspection.")
  var keep = false

  @Option(name: .output, help: "human or json.")
  var format = Format.human

  @Option(
    name: [.customShort("C"), .customLong("repo"), .long],
    help: ArgumentHelp("The repository.", valueName: "dir"))
  var repository = "."

  @Flag(help: "Run scripts without bubblewrap, as your user, with access to everything that you can access.")
  var embeddedUnsandboxed = false

  @OptionGroup var logging: LogOptions

  @OptionGroup var screen: ScreenOptions

  func validate() throws {
    guard Duration(written: timeout).map({ $0 > .zero }) == true else {
      throw ValidationError("--timeout \(timeout) is not a duration; write 90s or 10m")
    }
    _ = try references()
  }

  private func references() throws -> [ObjectReference] {
    try cluster.map { text in
      let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, !parts.contains("") else {
        throw ValidationError("--cluster \(text) is not NAMESPACE/NAME")
      }
      return .cluster(parts[0], parts[1])
    }
  }

  func run() async throws {
    Streams.outliveReaders()
    let environment = ProcessInfo.processInfo.environment
    let console = screen.console(format == .json ? 2 : 1, environment)
    let report: RehearsalReport
    do {
      report = try await interruptible { try await rehearse(console, environment) }
    } catch {
      console.settle()
      Streams.error.line("kdops rehearse: \(ErrorText.words(error))")
      throw Kdops.couldNotRun
    }
    if format == .json { try Streams.output.result(RehearsalJSON.render(report), .json) }
    if !report.hasPassed { throw ExitCode(1) }
  }

  /// Runs until the work ends or a signal interrupts it. Temporary files are removed in both cases.
  private func interruptible(
    _ work: @escaping @Sendable () async throws -> RehearsalReport
  ) async throws -> RehearsalReport {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    return try await withThrowingTaskGroup(of: RehearsalReport?.self) { group in
      group.addTask { try await work() }
      group.addTask {
        for await _ in signals { return nil }
        return nil
      }
      defer { group.cancelAll() }
      if let report = try await group.next() ?? nil { return report }
      group.cancelAll()
      _ = try? await group.next()
      throw RehearsalError("stopped")
    }
  }

  private func rehearse(_ console: Console, _ environment: [String: String]) async throws -> RehearsalReport {
    let validation = try await Validation.run(
      .commits(base: base, head: head), path: repository, environment: environment,
      now: Int64(Date().timeIntervalSince1970))
    let plan = try await Plan.of(validation, in: repository, environment)
    let text = RehearsalText(isColoured: console.isColoured)
    let source = try await GitRepository.openFromEnvironment(path: repository, environment)
    let rehearsal = try await Rehearsal.prepare(
      plan, validation.judgement?.transitions ?? [:], only: try references(), in: source)
    console.line("kdops rehearse \(plan.base.prefix(7))..\(plan.head.prefix(7))")
    var report = RehearsalReport(base: plan.base, head: plan.head, omitted: rehearsal.omitted)
    report.isRejected = plan.isRejected
    if plan.isRejected {
      let renderer = HumanRenderer(colour: console.isColoured) { validation.line($1, of: $0) }
      let errors = plan.allFindings.filter { $0.severity == .error }
      for finding in errors.inReportOrder(perFile: FindingLimit.standard) {
        console.line("")
        console.line(renderer.render(finding), .styled)
      }
    }
    guard !rehearsal.acts.isEmpty else {
      for line in text.summary(report) { console.line(line, .styled) }
      return report
    }
    let folder = try ScratchFolder.make("kdops-rehearse", environment)
    do {
      for (index, act) in rehearsal.acts.enumerated() {
        report.acts.append(
          try await play(act, in: "\(folder)/\(index + 1)-\(act.kind.rawValue)", console, text, environment))
      }
    } catch {
      await leave(folder, console)
      throw error
    }
    await leave(folder, console)
    console.line("")
    for line in text.summary(report) { console.line(line, .styled) }
    return report
  }

  private func play(
    _ act: RehearsalAct, in folder: String, _ console: Console, _ text: RehearsalText,
    _ environment: [String: String]
  ) async throws -> ActReport {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    console.line("")
    console.line(text.head(act), .styled)
    let report = try await act.play(
      RehearsalAct.Environment(
        folder: folder, sandbox: embeddedUnsandboxed ? .none : .bubblewrap,
        limit: Duration(written: timeout) ?? .seconds(600), console: console,
        logger: try logging.logger(to: console, standard: .error, environment),
        report: { console.line(text.line($0), .styled) }))
    for line in text.foot(report) { console.line(line, .styled) }
    return report
  }

  /// Ends remaining processes and removes the folder, unless `keep` is set.
  private func leave(_ folder: String, _ console: Console) async {
    if keep {
      console.line("")
      console.line(
        "all files are kept in \(folder); to show a cluster: kdops status --embedded=\(folder)/1-forward/cluster"
      )
      return
    }
    // A separate task, so that the cleanup also runs after cancellation.
    await Task {
      for act in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
        await EmbeddedCluster.throwAway("\(folder)/\(act)/cluster")
      }
      try? FileManager.default.removeItem(atPath: folder)
    }.value
  }
}
