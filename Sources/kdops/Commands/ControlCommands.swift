import ArgumentParser
import ClusterAPI
import Control
import Diagnostics
import EmbeddedCluster
import FoundationEssentials

/// `kdops suspend`: stops a cluster before its next step.
struct SuspendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suspend", abstract: "Stop a cluster's upgrade or rollback before its next step.",
    discussion: """
      Running scripts end; no pod is replaced and no other script runs until `kdops resume`. The same in git: the \
      annotation kdops.dev/suspend: "true" on the cluster. The annotation in git takes precedence.
      Exit codes: 0 done, or already so; 1 refused, with the reason; 2 it could not be done.
      """)

  @OptionGroup var options: ControlOptions

  func run() async throws { try await options.run(.suspend) }
}

/// `kdops resume`: resumes a suspended cluster.
struct ResumeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Resume a suspended cluster where it stopped.",
    discussion: """
      Exit codes: 0 done, or already so; 1 refused, with the reason; 2 it could not be done.
      """)

  @OptionGroup var options: ControlOptions

  func run() async throws { try await options.run(.resume) }
}

/// `kdops retry`: runs a failed script again.
struct RetryCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "retry", abstract: "Run a failed script again, in the container in which it failed.",
    discussion: """
      If scripts failed in several pods, name the pod: NAMESPACE/NAME/POD. The same in git: the annotation \
      kdops.dev/retry: "POD@TIME" on the cluster, with another time for each request.
      Exit codes: 0 requested; 1 refused, or with --wait stalled or not done in time, with the reason; 2 it could not \
      be done.
      """)

  @Argument(
    help: ArgumentHelp("The cluster, and the pod if scripts failed in several.", valueName: "ns/name[/pod]"),
    completion: .clusterName)
  var target: String

  @OptionGroup var namespace: NamespaceOptions

  @OptionGroup var cluster: ClusterOptions

  @Flag(help: "Wait until the cluster is configured, or stalled again.")
  var wait = false

  @OptionGroup var waiting: WaitOptions

  func validate() throws { _ = try namespace.target(target) }

  func run() async throws {
    let target = try namespace.target(target)
    try await ControlClient(cluster: cluster, command: "retry").carryOut(
      ClusterCommand(kind: .retry, cluster: target.cluster, pod: target.pod), isWatched: !wait)
    guard wait else { return }
    let environment = ProcessInfo.processInfo.environment
    try await Kdops.reporting("retry") {
      try await ClusterSource.connected(cluster, environment).use { source in
        let subject = WaitSubject(source: source, cluster: target.cluster, goal: .configured)
        try await waiting.wait(for: "retry") { try await subject.evaluate() }
      }
    }
  }
}

/// A cluster's name, and the options that select where it runs.
struct ControlOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("The cluster.", valueName: "ns/name"),
    completion: .clusterName)
  var name: String

  @OptionGroup var namespace: NamespaceOptions

  @OptionGroup var cluster: ClusterOptions

  func validate() throws { _ = try namespace.cluster(name) }

  func run(_ kind: ClusterCommand.Kind) async throws {
    let target = try namespace.cluster(name)
    try await ControlClient(cluster: cluster, command: kind.rawValue).carryOut(
      ClusterCommand(kind: kind, cluster: target))
  }
}

/// The target of a command: `prod/analytics`, or `prod/analytics/analytics-worker-2`.
struct ControlTarget: Hashable {
  var cluster: ObjectName
  var pod: String?

  init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    guard (2...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else { return nil }
    cluster = ObjectName(namespace: parts[0], name: parts[1])
    pod = parts.count == 3 ? parts[2] : nil
  }
}

/// Sends a command to the daemon or to Kubernetes and prints the result.
struct ControlClient {
  let cluster: ClusterOptions
  let command: String

  /// - Parameter isWatched: Whether the command that shows the progress is printed.
  func carryOut(_ clusterCommand: ClusterCommand, isWatched: Bool = true) async throws {
    let environment = ProcessInfo.processInfo.environment
    try await report {
      if let folder = cluster.folder(environment) {
        return try await ask(ControlRequest(.cluster(clusterCommand)), folder)
      }
      return try await cluster.connected(environment) { client in
        try await ClusterCommandHandler(api: client, now: { Int(Date().timeIntervalSince1970) }).carryOut(
          clusterCommand)
      }
    } next: { answer in
      let output = answer.pod.map { pod in
        "output: kdops logs \(ShellWord.value("\(clusterCommand.cluster)/\(pod)"))\(cluster.flags)"
      }
      let watch = "watch: kdops status \(clusterCommand.cluster)\(cluster.flags) --watch"
      return (isWatched ? [watch] : []) + [output].compactMap(\.self)
    }
  }

  /// Asks the daemon of an embedded cluster. Only its owner may have access to the folder.
  func ask(_ request: ControlRequest, _ folder: String) async throws -> ControlAnswer {
    try EmbeddedCluster.check(folder)
    return try await ControlSocket.ask(request, below: folder)
  }

  /// Prints what happens next and the commands that show it, or why the command was not carried out.
  ///
  /// - Parameter next: Returns the commands, each with what it shows.
  /// - Returns: the answer.
  @discardableResult
  func report(
    _ ask: () async throws -> ControlAnswer, next: (ControlAnswer) -> [String]
  ) async throws -> ControlAnswer {
    var answer = await ControlAnswer.of(ask)
    answer.words = Redaction.url(answer.words)
    switch answer.outcome {
    case .done:
      Streams.output.line(TerminalText.visible(answer.words))
      for line in next(answer) { Streams.output.line(line) }
    case .refused, .failed:
      Streams.error.line("kdops \(command): \(TerminalText.visible(answer.words))")
      throw answer.outcome == .refused ? ExitCode(1) : Kdops.couldNotRun
    }
    return answer
  }
}
