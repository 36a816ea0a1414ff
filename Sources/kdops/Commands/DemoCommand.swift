import ArgumentParser
import Daemon
import Diagnostics
import EmbeddedCluster
import FoundationEssentials
import GitStore
import Logging
import Views

/// `kdops demo`: runs the complete demo in one terminal.
struct DemoCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract:
      "Run the complete demo on an embedded cluster: create, upgrade, stalled upgrade, revert, rollback.",
    discussion: "Uses a new temporary folder, which is kept for inspection.")

  @Option(
    help: ArgumentHelp(
      "The folder with the first files of the repository. (default: the sample that is installed with kdops)",
      valueName: "dir"), completion: .directory)
  var sample: String?

  @Flag(help: "Run scripts without bubblewrap, as your user, with access to everything that you can access.")
  var embeddedUnsandboxed = false

  @OptionGroup var logging: LogOptions

  @OptionGroup var screen: ScreenOptions

  func run() async throws {
    Streams.outliveReaders()
    let environment = ProcessInfo.processInfo.environment
    let console = screen.console(1, environment)
    let problems = screen.console(2, environment)
    let logger = try logging.logger(
      to: console.isTerminal ? console : problems, standard: console.isTerminal ? .error : .warning,
      environment)
    do {
      let sample = try SampleRepository.find(sample)
      let folder = try ScratchFolder.make("kdops-demo", environment)
      console.line("kdops \(Kdops.version) demo, in \(folder)")
      try await play(sample, in: folder, console, logger)
      Self.printNextSteps(folder, console)
    } catch {
      console.settle()
      Streams.error.line("kdops demo: \(ErrorText.words(error))")
      throw ExitCode(1)
    }
  }

  private func play(
    _ sample: String, in folder: String, _ console: Console, _ logger: Logger
  ) async throws {
    let repository = try await DemoRepository.make(of: sample, in: folder, console: console)
    let beginning = try await Demo.begin(repository, console)
    var options = Daemon.Options(remote: try Remote(GitURL(repository.remote)), folder: "\(folder)/cluster")
    options.reconciler.interval = .seconds(2)
    let now: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }
    let board = ProgressBoard(console: console, clock: ContinuousClock(), now: now)
    let watch = DaemonWatch()
    let backend = try await Backend.embedded(
      options.folder, embeddedUnsandboxed ? .none : .bubblewrap, logger: logger)
    let daemon = try await Daemon.open(
      options, on: backend, logger: logger,
      observers: [board.observer(), watch.observer])
    let demo = Demo(
      repository: repository, daemon: daemon, watch: watch, board: board, console: console,
      beginning: beginning)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        _ = try await daemon.run(view: BackgroundService("progress") { await board.run() })
        return false
      }
      group.addTask {
        try await demo.play()
        return true
      }
      guard try await group.next() == true else { throw DemoError("the daemon ended before the demo did") }
      group.cancelAll()
      // The daemon was cancelled on purpose, so its error is ignored.
      _ = try? await group.next()
    }
  }

  private static func printNextSteps(_ folder: String, _ console: Console) {
    console.line("")
    console.line("All files are kept in \(folder). To inspect them:")
    for line in [
      "kdops status --embedded=\(folder)/cluster",
      "kdops status prod/analytics --embedded=\(folder)/cluster",
      "cat \(folder)/cluster/volumes/prod/p-analytics-worker-2/data/jobs",
      "git -C \(folder)/fleet log --notes=kdops",
      "kdops run --repo \(folder)/fleet.git --embedded=\(folder)/cluster --interval 2s   # and push from \(folder)/fleet",
    ] { console.line("  \(line)") }
  }
}
