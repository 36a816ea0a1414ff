import ArgumentParser
import ClusterAPI
import Diagnostics
import FoundationEssentials
import KubeDirector

/// `kdops logs`: prints the output of startscripts.
struct LogsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs",
    abstract: "Print the output of the startscripts of a cluster, or of one of its pods.",
    discussion: """
      Of each pod, its last script. Standard output and standard error are printed separately. Reads the pods of an \
      embedded cluster from the disk, also if no daemon runs; on Kubernetes it runs a command in each pod. The \
      output of a program that a script starts in the background is that of the pod: kubectl logs.
      Exit codes: 0 printed; 1 there is no such cluster, pod or script, or with --follow the pod is gone or no daemon \
      runs; 2 it could not be read.
      """)

  @Argument(
    help: ArgumentHelp("The cluster, and optionally one of its pods.", valueName: "ns/name[/pod]"),
    completion: .clusterName)
  var target: String

  @OptionGroup var namespace: NamespaceOptions

  @OptionGroup var cluster: ClusterOptions

  @OptionGroup var system: SystemOptions

  @Flag(name: [.customShort("p"), .long], help: "The script before the last one.")
  var previous = false

  @Flag(name: [.customShort("f"), .long], help: "Continue until the script has ended.")
  var follow = false

  func validate() throws { _ = try namespace.target(target) }

  func run() async throws {
    let target = try namespace.target(target)
    let environment = ProcessInfo.processInfo.environment
    try await Kdops.reporting("logs") {
      try await ClusterSource.open(cluster, need: "the output of scripts", environment).use { source in
        try await print(target, source, system.daemon(environment))
      }
    }
  }

  private func print(
    _ target: ControlTarget, _ source: ClusterSource, _ daemon: DaemonSelection
  ) async throws {
    guard let cluster = try await source.clusters(.cluster(target.cluster)).first else {
      throw missing(
        "there is no cluster \(target.cluster); `kdops status\(self.cluster.flags)` lists all clusters")
    }
    let members = (ClusterStatus(cluster.json["status"])?.members ?? []).map(\.pod)
    if let pod = target.pod, !members.contains(pod) {
      throw missing("\(target.cluster) has no member \(pod); it has \(members.joined(separator: ", "))")
    }
    let pods = target.pod.map { [$0] } ?? members
    if follow, pods.count > 1 {
      throw missing("--follow needs one pod, and \(target.cluster) has \(members.joined(separator: ", "))")
    }
    var isAnyPrinted = false
    var texts = (stdout: ScriptText(), stderr: ScriptText())
    for pod in pods {
      let isPrinted = try await print(
        ObjectName(namespace: target.cluster.namespace, name: pod), source, daemon,
        isHeaded: target.pod == nil, &texts)
      isAnyPrinted = isAnyPrinted || isPrinted
    }
    if !isAnyPrinted {
      let which = previous ? "no script ran before the last one" : "no script has run yet"
      throw missing("\(target.cluster): \(which)\(target.pod.map { " in \($0)" } ?? "")")
    }
  }

  /// Prints the script of one pod.
  ///
  /// - Returns: Whether there is one.
  private func print(
    _ name: ObjectName, _ source: ClusterSource, _ daemon: DaemonSelection, isHeaded: Bool,
    _ texts: inout (stdout: ScriptText, stderr: ScriptText)
  ) async throws -> Bool {
    guard let api = source.api, let pod = try await Self.pod(name, api) else { return false }
    var position = ScriptRecord.Position()
    var absence = DaemonAbsence(source)
    var reader = DaemonReader(source, daemon)
    var isDaemonAbsent = false
    while true {
      guard
        let record = try await ScriptRecord.read(source, pod: pod, back: previous ? 1 : 0, after: position)
      else {
        if position.key.isEmpty { return false }
        throw missing("the output of the pod \(name) is gone")
      }
      if record.key != position.key {
        position = ScriptRecord.Position(key: record.key)
        if isHeaded {
          try Streams.error.result(texts.stderr.endLine())
          try Streams.output.result(
            texts.stdout.endLine() + "==> \(name.name) \(Self.title(record)) <==\n")
        }
      }
      try Streams.output.result(texts.stdout.output(record.stdout))
      if !record.stderr.isEmpty { try Streams.error.result(texts.stderr.output(record.stderr)) }
      position.stdout += record.stdout.count
      position.stderr += record.stderr.count
      if record.exitCode != nil { return true }
      guard follow else { return true }
      try await Task.sleep(for: .seconds(1))
      let current = try await Self.pod(name, api)
      let followed = FollowedPod(pod: pod, lease: source.isRemote ? daemon.lease : nil)
      if let end = followed.end(current, isDaemonAbsent: isDaemonAbsent) { throw missing(end) }
      // The script's last output is read once more before this ends the command.
      isDaemonAbsent = absence.isConfirmed(try await reader.read(), now: .now)
    }
  }

  /// Nil if there is none.
  private static func pod(_ name: ObjectName, _ api: any ClusterAPI) async throws(APIError) -> Object? {
    do throws(APIError) { return try await api.get(.pods, name) } catch {
      guard error.kind == .notFound else { throw error }
      return nil
    }
  }

  private static func title(_ record: ScriptRecord) -> String {
    let end = record.exitCode.map { "ended with exit code \($0)" } ?? "is running"
    return TerminalText.visible("startscript --\(record.event) \(end)")
  }

  private func missing(_ words: String) -> ExitCode {
    Streams.error.line("kdops logs: \(words)")
    return ExitCode(1)
  }
}
