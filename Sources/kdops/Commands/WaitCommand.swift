import ArgumentParser
import ClusterAPI
import Diagnostics
import FoundationEssentials
import Views

/// `kdops wait`: waits until a cluster is configured, or a commit is done on it.
struct WaitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "wait", abstract: "Wait until a cluster is configured, or a commit is done.",
    discussion: """
      done=COMMIT also waits until the daemon has applied that commit; --repo names the clone that knows it, so that \
      HEAD and later commits are understood. Ends at once if the cluster stalls, or the commit is rejected.
        kdops wait prod/analytics --for done=HEAD --context prod --timeout 10m
      Exit codes: 0 reached; 1 stalled, rejected, not reached in time, or no daemon runs; 2 it could not be read.
      """)

  /// The condition to wait for, as it is written on the command line.
  enum Goal: Hashable, ExpressibleByArgument {
    case configured
    case done(String)

    init?(argument: String) {
      if argument == "configured" {
        self = .configured
      } else if argument.hasPrefix("done="), argument.utf8.count > 5 {
        self = .done(String(argument.dropFirst(5)))
      } else {
        return nil
      }
    }

    var defaultValueDescription: String { "configured" }
    static let allValueStrings = ["configured", "done=COMMIT"]
  }

  @Argument(
    help: ArgumentHelp("The cluster.", valueName: "ns/name"),
    completion: .clusterName)
  var name: String

  @Option(
    name: .customLong("for"), help: ArgumentHelp("configured, or done=COMMIT.", valueName: "condition"),
    completion: .list(["configured", "done="]))
  var goal = Goal.configured

  @OptionGroup var namespace: NamespaceOptions

  @OptionGroup var cluster: ClusterOptions

  @Option(
    help: ArgumentHelp("The repository that knows the commit.", valueName: "path"), completion: .directory)
  var repo = "."

  @OptionGroup var system: SystemOptions

  @OptionGroup var waiting: WaitOptions

  func validate() throws { _ = try namespace.cluster(name) }

  func run() async throws {
    let environment = ProcessInfo.processInfo.environment
    let name = try namespace.cluster(name)
    try await Kdops.reporting("wait") {
      var commit: WaitedCommit?
      if case .done(let revision) = goal {
        commit = try await WaitedCommit(revision, path: repo, environment)
      }
      if let commit, !commit.isKnown {
        Streams.error.line(
          "kdops wait: the repository \(repo) does not have commit \(commit.id.prefix(12)): check the id or run git fetch; "
            + "waiting until the daemon has applied it")
      }
      let files = await ClusterFiles.open(repo, environment)
      let condition = commit.map { WaitCondition.Goal.done(commit: $0.id) } ?? .configured
      try await ClusterSource.open(cluster, need: "the state of pods", environment).use { source in
        let subject = WaitSubject(
          source: source, cluster: name, goal: condition, commit: commit,
          daemon: system.daemon(environment), files: files)
        try await waiting.wait(for: "wait") { try await subject.evaluate() }
      }
    }
  }
}
