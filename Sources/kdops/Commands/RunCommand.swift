import ArgumentParser
import EmbeddedCluster
import FoundationEssentials
import GitStore
import Logging
import Reconciler
import Rules
import UnixSignals

/// `kdops run`: the daemon.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Follow a repository and keep the clusters as it says.")

  @Option(help: "The repository: a path, file://, https:// or ssh://.")
  var repo: String

  @Option(help: "The branch to follow.")
  var branch = "main"

  @Option(help: "The folder of the embedded cluster; kept over restarts.")
  var embedded: String

  @Flag(help: "Run scripts without bubblewrap: they then see the network and devices of this machine.")
  var embeddedUnsandboxed = false

  @Flag(help: "Converge, then exit: 0 when everything is as git says, 1 when something was rejected or failed.")
  var once = false

  @Option(help: "Between two fetches: 500ms, 1s, 5m.")
  var interval = "1m"

  func run() async throws {
    let logger = Logger(label: "kdops") { StreamLogHandler.standardError(label: $0) }
    guard let interval = Duration(written: interval) else {
      throw ValidationError("--interval \(interval) is no duration; write 500ms, 1s or 5m")
    }
    var options = Daemon.Options(remote: try Remote(GitURL(repo)), folder: embedded)
    options.branch = branch
    options.interval = interval
    options.sandbox = embeddedUnsandboxed ? .none : .bubblewrap
    let daemon = try await Daemon.open(options, logger: logger)
    let outcome = try await daemon.run(once: once, signals: [.sigterm, .sigint])
    switch outcome {
    case .converged, .cancelled: return
    case .unsettled, .unreachable: throw ExitCode(1)
    }
  }
}
