import ArgumentParser
import ClusterAPI
import Diagnostics
import FoundationEssentials

/// `kdops status`: shows running clusters, also while a daemon runs.
struct StatusCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Show running clusters, from the cluster or from git.",
    discussion: """
      Without --embedded, --kubeconfig or --context the status that the daemon last wrote to the repository is shown \
      (refs/kdops/status). From a cluster, blocked changes and their remediation are shown too.
      Exit codes: 0 shown; 1 there is no such cluster, and with --exit-code also if a cluster is not configured, a \
      change is blocked, the daemon has a problem, or one of this is unknown, as from git; 2 it could not be read.
      """,
    aliases: ["get"])

  @Argument(
    help: ArgumentHelp("One cluster; without it, all clusters.", valueName: "ns/name"),
    completion: .clusterName)
  var name: String?

  @OptionGroup var namespace: NamespaceOptions

  @OptionGroup var cluster: ClusterOptions

  @Option(
    help: ArgumentHelp("The repository to read the status from.", valueName: "path"), completion: .directory)
  var repo = "."

  @OptionGroup var system: SystemOptions

  @Option(name: .output, help: ObjectFormat.help)
  var format = ObjectFormat.human

  @Flag(
    name: [.customShort("w"), .long],
    help:
      "Draw one line per role and one cell per pod, below the time, last fetch and head, until interrupted.")
  var watch = false

  @Flag(help: "Show what its last upgrades and rollbacks did to each pod, with the times they took.")
  var history = false

  @Flag(
    help:
      "Exit with 1 unless each cluster that is shown is configured, no change is blocked, and a daemon runs.")
  var exitCode = false

  @OptionGroup var screen: ScreenOptions

  func validate() throws {
    if history, name == nil {
      throw ValidationError("--history shows one cluster; name it: kdops status NAMESPACE/NAME --history")
    }
    if exitCode, watch {
      throw ValidationError("--watch does not end by itself, so it has no --exit-code; try kdops wait")
    }
    _ = try namespace.selection(name)
  }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    try await Kdops.reporting("status") {
      try await ClusterSource.open(cluster, repo: repo, environment).use { try await follow($0, environment) }
    }
  }

  private func follow(_ source: ClusterSource, _ environment: [String: String]) async throws {
    let selection = try namespace.selection(name)
    let console = screen.console(1, environment)
    let isProgress = watch && !history && source.namesMembers
    var reader = StatusReader(
      source: source, selection: selection, daemon: system.daemon(environment),
      readsBlocked: !history || exitCode, readsHead: isProgress)
    let screen = StatusScreen(
      format: format, isSingle: selection.cluster != nil, watches: watch, showsHistory: history,
      isProgress: isProgress, flags: cluster.flags, console: console)
    var last = try await reader.read()
    if let cluster = selection.cluster, last.clusters.isEmpty {
      Streams.error.line(
        "kdops status: there is no cluster \(cluster); `kdops status\(self.cluster.flags)` lists all clusters"
      )
      throw ExitCode(1)
    }
    try screen.show(last)
    if exitCode, !last.isHealthy(selection) { throw ExitCode(1) }
    while watch {
      // The embedded cluster's folder belongs to another process, which sends no notifications, and reading
      // it costs one disk read. A server is polled less often.
      try await Task.sleep(for: source.isRemote ? .seconds(2) : .milliseconds(500))
      let now = try await reader.readAgain() ?? last
      // The progress display shows elapsed times, so it is redrawn even if nothing changed.
      guard now.differs(from: last) || screen.isProgress && console.isTerminal else { continue }
      last = now
      try screen.show(now)
      if let cluster = selection.cluster, now.clusters.isEmpty {
        Streams.error.line("kdops status: the cluster \(cluster) is gone")
        throw ExitCode(1)
      }
    }
  }
}
